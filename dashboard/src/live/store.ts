// SPDX-License-Identifier: BSD-3-Clause
import type { View } from "../../client/index.js";
import type { Change, Value } from "../../client/view.js";
import { History } from "./history.ts";

/** One resource of a node as last heard. Replaced, never changed; only its history grows. */
export interface Resource {
  readonly name: string;
  readonly data: unknown;
  /** The number the value is, or null when it is something else. */
  readonly number: number | null;
  readonly value: unknown;
  readonly unit: string | null;
  readonly atMs: number;
  readonly history: History;
}

/** One node as last heard. Replaced when anything of it changes, so that identity tells change. */
export interface Node {
  readonly uid: string;
  readonly gateway: string;
  /** What the broker calls its protocol; empty until it has said so. */
  readonly protocol: string;
  /** `unreachable`: its gateway is away, or has not told of it since it came back. */
  readonly state: "online" | "unreachable";
  readonly resources: ReadonlyMap<string, Resource>;
}

/** What one batch of changes did. */
export interface Effect {
  readonly nodes: ReadonlySet<string>;
  /** Nodes came or went. */
  readonly membership: boolean;
}

/** What the page shows of what a watch knows: the newest of everything, and how numbers went. Pure. */
export class Store {
  readonly nodes = new Map<string, Node>();
  readonly #view: View;

  /** `view` is what the watch knows, which is as new as the changes given to `apply`, or newer. */
  constructor(view: View) {
    this.#view = view;
  }

  /** Applies the news of a watch in their order. */
  apply(changes: Iterable<Change>): Effect {
    const nodes = new Set<string>();
    // Writable copies made in this batch: a burst of values copies a node's resources once.
    const fresh = new Map<string, Map<string, Resource>>();
    // After a connection that could not be resumed the watch says `reset`, and again what still holds.
    const before = new Map<string, ReadonlyMap<string, Resource>>();
    let membership = false;
    for (const change of changes) {
      switch (change.type) {
        case "value": {
          let resources = fresh.get(change.uid);
          if (resources === undefined) {
            const node = this.nodes.get(change.uid);
            membership ||= node === undefined;
            resources = new Map(node?.resources);
            fresh.set(change.uid, resources);
          }
          const old = resources.get(change.resource);
          const forgotten = old === undefined ? before.get(change.uid)?.get(change.resource) : undefined;
          resources.set(change.resource, resourceOf(change, old ?? (forgotten?.atMs === change.at ? forgotten : undefined)));
          this.#put(change.uid, resources);
          nodes.add(change.uid);
          break;
        }
        case "node": {
          const node = this.nodes.get(change.uid);
          membership ||= node === undefined;
          this.#put(change.uid, node?.resources ?? new Map());
          nodes.add(change.uid);
          break;
        }
        case "reset": {
          const node = this.nodes.get(change.uid);
          if (node === undefined) break;
          before.set(change.uid, node.resources);
          fresh.delete(change.uid);
          this.#put(change.uid, new Map());
          nodes.add(change.uid);
          break;
        }
        case "gone":
          fresh.delete(change.uid);
          before.delete(change.uid);
          if (!this.nodes.delete(change.uid)) break;
          nodes.add(change.uid);
          membership = true;
          break;
        case "gateway":
          for (const node of this.nodes.values()) {
            if (node.gateway !== change.gateway) continue;
            this.#put(node.uid, node.resources);
            nodes.add(node.uid);
          }
          break;
        case "synced":
          break;
      }
    }
    return { nodes, membership };
  }

  #put(uid: string, resources: ReadonlyMap<string, Resource>): void {
    const known = this.#view.nodes.get(uid);
    // The watch may know by now that it is gone; the change that says so follows.
    const { gateway, protocol } = known ?? { gateway: "", protocol: "" };
    const state = known === undefined ? "online" : this.#view.state(known);
    this.nodes.set(uid, { uid, gateway, protocol, state, resources });
  }
}

function resourceOf({ resource: name, data, value, unit, at: atMs }: Value, before: Resource | undefined): Resource {
  const number = numberOf(value === undefined ? data : value);
  const history = before?.history ?? new History();
  if (number !== null) history.push(atMs, number);
  return { name, data, value, number, unit: unit === undefined || unit === "" ? null : unit, atMs, history };
}

/** The number a value is: a finite number, or a text that is nothing but one. */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
