// SPDX-License-Identifier: BSD-3-Clause
import { History } from "../../src/live/history.ts";
import type { About, Node, Resource } from "../../src/live/model.ts";

/** A resource as the store makes it of what the broker said: a number that came as text has both. */
export function resourceOf(name: string, data: unknown, about: About = {}, unit: string | null = null): Resource {
  const number = typeof data === "number" ? data : typeof data === "string" && /^-?\d+(\.\d+)?$/.test(data) ? Number(data) : null;
  return { name, data, value: number ?? data, number, unit, atMs: 1000, about, history: new History() };
}

export function nodeOf(...resources: Resource[]): Node {
  return {
    uid: "coap/1",
    gateway: "coap",
    protocol: "CoAP",
    state: "online",
    firstSeenMs: 0,
    lastSeenMs: 1000,
    intervalMs: null,
    timeoutMs: null,
    gone: null,
    resources: new Map(resources.map((resource) => [resource.name, resource])),
  };
}
