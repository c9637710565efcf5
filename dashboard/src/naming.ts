// SPDX-License-Identifier: BSD-3-Clause
import type { Node } from "./live/model.ts";

/** What people write, by what the broker calls it (PROTOCOL.md, section 2.3, `new`). */
const PROTOCOLS: Readonly<Record<string, string>> = { coap: "CoAP", mqtt: "MQTT", ws: "WebSocket", http: "HTTP" };

/** What a device says of itself under such a name, as text; empty when it has not said so. Pure, as all of this file. */
export function textOf(node: Node, resource: string): string {
  const data = node.resources.get(resource)?.data;
  return typeof data === "string" ? data.trim() : typeof data === "number" ? String(data) : "";
}

/** What a device calls itself; empty when it has not said so. */
export function ownNameOf(node: Node): string {
  return textOf(node, "name");
}

/** What a device is called: as in this browser, or as it says itself, or else its uid. */
export function nameOf(node: Node, names: ReadonlyMap<string, string>, otherwise: string = node.uid): string {
  return names.get(node.uid) || ownNameOf(node) || otherwise;
}

/** How it is connected: what its gateway says of it, else what the broker says (of programs and tabs no gateway does). */
export function protocolOf(node: Node): string {
  return textOf(node, "protocol") || protocolTitle(node.protocol);
}

/** A protocol as people write it; what nobody has heard of stays as it is. */
export function protocolTitle(protocol: string): string {
  return Object.hasOwn(PROTOCOLS, protocol) ? (PROTOCOLS[protocol] ?? protocol) : protocol;
}
