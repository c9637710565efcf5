// SPDX-License-Identifier: BSD-3-Clause
export { Client } from "./client.js";
export { RpcError } from "./errors.js";
export { Peer } from "./peer.js";
export { Node, View } from "./view.js";
export { Watch } from "./watch.js";

/**
 * @typedef {import("./client.js").NodeInfo} NodeInfo
 * @typedef {import("./client.js").Reading} Reading
 * @typedef {import("./link.js").Status} Status
 * @typedef {import("./told.js").Published} Published
 * @typedef {import("./view.js").Change} Change
 * @typedef {import("./client.js").GatewayInfo} GatewayInfo
 * @typedef {import("./watch.js").Filter} Filter
 * @typedef {import("./view.js").About} About
 */
