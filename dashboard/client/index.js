// SPDX-License-Identifier: BSD-3-Clause
export { Client } from "./client.js";
export { RpcError } from "./errors.js";
export { Peer } from "./peer.js";
export { Node, View } from "./view.js";
export { Watch } from "./watch.js";
