// SPDX-License-Identifier: BSD-3-Clause
import { History } from "./history.ts";
import type { Message } from "./messages.ts";

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
  readonly replay: number;
}

/** One node as last heard. Replaced when anything of it changes, so that identity tells change. */
export interface Node {
  readonly uid: string;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly replay: number;
}

/** What one batch of messages changed. */
export interface Changes {
  readonly nodes: ReadonlySet<string>;
  /** Nodes came or went. */
  readonly membership: boolean;
  readonly synced: boolean;
}

/**
 * What the broker said of all nodes. Pure: the time comes in.
 *
 * The caller calls `startReplay` whenever it has asked the broker for the whole state. What is known stays until
 * `synced` says that the replay is complete; then everything that was not said again is gone.
 */
export class Store {
  readonly nodes = new Map<string, Node>();
  #replay = 0;

  startReplay(): void {
    this.#replay += 1;
  }

  /** Applies messages in their order; `nowMs` is the time of values that carry none. */
  apply(messages: Iterable<Message>, nowMs: number): Changes {
    const nodes = new Set<string>();
    // Writable copies made in this batch: a burst of updates copies a node's resources once.
    const fresh = new Map<string, Map<string, Resource>>();
    let membership = false;
    let synced = false;
    for (const message of messages) {
      switch (message.type) {
        case "new": {
          const node = this.nodes.get(message.uid);
          if (node === undefined) membership = true;
          this.#put(message.uid, node?.resources ?? new Map());
          nodes.add(message.uid);
          break;
        }
        case "update": {
          const node = this.nodes.get(message.uid);
          if (node === undefined) break;
          let resources = fresh.get(message.uid);
          if (resources === undefined) {
            resources = new Map(node.resources);
            fresh.set(message.uid, resources);
          }
          const before = resources.get(message.resource);
          resources.set(message.resource, this.#resource(message, before, nowMs));
          this.#put(message.uid, resources);
          nodes.add(message.uid);
          break;
        }
        case "reset":
          if (!this.nodes.has(message.uid)) break;
          fresh.delete(message.uid);
          this.#put(message.uid, new Map());
          nodes.add(message.uid);
          break;
        case "out":
          fresh.delete(message.uid);
          if (this.nodes.delete(message.uid)) {
            nodes.add(message.uid);
            membership = true;
          }
          break;
        case "synced":
          synced = true;
          membership = this.#dropStale(nodes) || membership;
          fresh.clear();
          break;
        case "result":
          break;
      }
    }
    return { nodes, membership, synced };
  }

  #put(uid: string, resources: ReadonlyMap<string, Resource>): void {
    this.nodes.set(uid, { uid, resources, replay: this.#replay });
  }

  #resource(message: Message & { type: "update" }, before: Resource | undefined, nowMs: number): Resource {
    const value = message.value === undefined ? message.data : message.value;
    const number = numberOf(value);
    const atMs = message.at ?? nowMs;
    const history = before?.history ?? new History();
    if (number !== null) history.push(atMs, number);
    const { resource: name, data, unit } = message;
    return { name, data, value, number, unit, atMs, history, replay: this.#replay };
  }

  /** Removes what the replay did not say; true when a node went. */
  #dropStale(changed: Set<string>): boolean {
    let gone = false;
    for (const [uid, node] of this.nodes) {
      if (node.replay !== this.#replay) {
        this.nodes.delete(uid);
        changed.add(uid);
        gone = true;
        continue;
      }
      const kept = [...node.resources].filter(([, resource]) => resource.replay === this.#replay);
      if (kept.length === node.resources.size) continue;
      this.#put(uid, new Map(kept));
      changed.add(uid);
    }
    return gone;
  }
}

/** The number a value is: a finite number, or a text that is nothing but one. */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
