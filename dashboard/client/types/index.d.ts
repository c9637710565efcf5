export { Client } from "./client.js";
export { RpcError } from "./errors.js";
export { Peer } from "./peer.js";
export { Watch } from "./watch.js";
export { Node, View } from "./view.js";
