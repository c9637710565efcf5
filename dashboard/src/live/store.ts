// SPDX-License-Identifier: BSD-3-Clause
import type { View } from "../../client/index.js";
import type { Value } from "../../client/view.js";
import { Draft, type Life } from "./draft.ts";
import { MAX_POINTS, pointsOf, type Bound } from "./history.ts";
import type { Node, Resource } from "./model.ts";
import type { Departed, News } from "./news.ts";

/** Nodes that went and are still shown; the oldest make room. */
export const MAX_GONE = 1_000;

/** What one batch of news did. */
export interface Effect {
  readonly nodes: ReadonlySet<string>;
  /** Nodes came, or are no longer shown. */
  readonly membership: boolean;
  /** How it is with a gateway has changed. */
  readonly gateways: boolean;
}

/** What a node had before its `reset`, or before it went. */
interface Former {
  readonly resources: ReadonlyMap<string, Resource>;
  /** The history of a resource goes on only where the very same is said again: else the device was reset. */
  readonly onlyRetold: boolean;
}

/** The broker's own node for programs and tabs; they come and go, and are not missed. */
const PEERS = "peer";

/**
 * What the page shows of what a watch knows: the newest of everything, how numbers went, and what went. Pure.
 *
 * A node that went stays with its last values, as `gone`, until it is back or somebody dismisses it.
 */
export class Store {
  readonly nodes = new Map<string, Node>();
  readonly #view: View;
  readonly #lives = new Map<string, Life>();
  /** Those that went, in the order in which they did. */
  readonly #gone = new Set<string>();
  readonly #former = new Map<string, Former>();
  readonly #awayMs = new Map<string, number>();
  /** Changed in this batch, and not in `nodes` yet: a burst of values makes one new node. */
  readonly #drafts = new Map<string, Draft>();
  readonly #bound: Bound = { points: MAX_POINTS };
  #resources = 0;
  #touched = new Set<string>();
  #membership = false;
  #gateways = false;
  #synced = false;

  /** `view` is what the watch knows, which is as new as the news given to `apply`, or newer. */
  constructor(view: View) {
    this.#view = view;
  }

  /** Applies news in their order; `nowMs` is the broker's time. */
  apply(news: Iterable<News>, nowMs: number): Effect {
    for (const each of news) this.#take(each, nowMs);
    this.#publish();
    const effect = { nodes: this.#touched, membership: this.#membership, gateways: this.#gateways };
    this.#touched = new Set();
    this.#membership = this.#gateways = false;
    return effect;
  }

  #take(news: News, nowMs: number): void {
    switch (news.type) {
      case "value": {
        const draft = this.#present(news.uid);
        draft.value(news.resource, news, this.#formerOf(news));
        break;
      }
      case "node":
        this.#present(news.uid);
        break;
      case "about":
        if (this.#isHere(news.uid)) this.#draft(news.uid).about(news.resource, news.about);
        break;
      case "liveness":
        if (this.#isHere(news.uid)) this.#draft(news.uid).liveness(news.lastSeen, news.interval, news.timeout);
        break;
      case "reset": {
        if (!this.#isHere(news.uid)) break;
        const draft = this.#draft(news.uid);
        this.#former.set(news.uid, { resources: draft.resources, onlyRetold: true });
        draft.clear();
        break;
      }
      case "gone":
        this.#went(news.uid, news.why, news.at, nowMs);
        break;
      case "dismissed":
        if (this.#gone.has(news.uid)) this.#remove(news.uid);
        break;
      case "departed":
        this.#departed(news);
        break;
      case "gateway":
        this.#gateway(news.gateway, news.state === "away" && this.#synced ? nowMs : null);
        break;
      case "synced":
        this.#synced = true;
        this.#gateways = true;
        this.#former.clear();
        break;
    }
  }

  // Nodes that are there

  #isHere(uid: string): boolean {
    return (this.#drafts.has(uid) || this.nodes.has(uid)) && !this.#gone.has(uid);
  }

  /** The draft of a node that is there, which may be news, too. */
  #present(uid: string): Draft {
    const draft = this.#draft(uid);
    if (!this.#gone.delete(uid)) return draft;
    // It is back, with what it says from now on; the history of that goes on.
    this.#former.set(uid, { resources: draft.resources, onlyRetold: false });
    draft.clear();
    draft.gone = null;
    return draft;
  }

  #draft(uid: string): Draft {
    let draft = this.#drafts.get(uid);
    if (draft !== undefined) return draft;
    const node = this.nodes.get(uid);
    let life = this.#lives.get(uid);
    if (life === undefined) {
      life = { rhythm: null, toldMs: null, abouts: null };
      this.#lives.set(uid, life);
    }
    draft = new Draft(uid, node, life, this.#bound);
    this.#drafts.set(uid, draft);
    this.#touched.add(uid);
    this.#membership ||= node === undefined;
    return draft;
  }

  #formerOf({ uid, resource: name, at }: Value): Resource | undefined {
    const former = this.#former.get(uid);
    if (former === undefined) return undefined;
    const resource = former.resources.get(name);
    if (!former.onlyRetold || resource?.atMs === at) return resource;
    this.#former.delete(uid);
    return undefined;
  }

  #gateway(gateway: string, awayMs: number | null): void {
    this.#gateways = true;
    if (awayMs === null) this.#awayMs.delete(gateway);
    else this.#awayMs.set(gateway, awayMs);
    this.#publish();
    for (const node of this.nodes.values()) if (node.gateway === gateway && node.state !== "gone") this.#draft(node.uid);
  }

  // Nodes that went

  #went(uid: string, why: string | undefined, atMs: number | undefined, nowMs: number): void {
    if (!this.#isHere(uid)) return;
    const draft = this.#draft(uid);
    if (draft.gateway === PEERS || uid.startsWith(`${PEERS}/`)) {
      this.#remove(uid);
      return;
    }
    draft.gone = { why: why ?? "unknown", atMs: atMs ?? nowMs };
    this.#keepGone(uid);
  }

  /** What the broker remembers of those that went; it knows better since when and why. */
  #departed({ nodes }: Departed): void {
    for (const told of nodes) {
      if (this.#isHere(told.uid)) continue;
      const draft = this.#draft(told.uid);
      draft.departed(told);
      this.#keepGone(told.uid);
    }
  }

  #keepGone(uid: string): void {
    this.#gone.add(uid);
    this.#former.delete(uid);
    const [oldest] = this.#gone;
    if (this.#gone.size > MAX_GONE && oldest !== undefined) this.#remove(oldest);
  }

  #remove(uid: string): void {
    this.#gone.delete(uid);
    this.#drafts.delete(uid);
    this.#lives.delete(uid);
    this.#former.delete(uid);
    this.#resources -= this.nodes.get(uid)?.resources.size ?? 0;
    this.nodes.delete(uid);
    this.#touched.add(uid);
    this.#membership = true;
  }

  #publish(): void {
    for (const draft of this.#drafts.values()) {
      const known = draft.gone === null ? this.#view.nodes.get(draft.uid) : undefined;
      if (known !== undefined) draft.identity(known.gateway, known.protocol, known.firstSeen);
      // The watch may know by now that it went; the change that says so follows.
      const state = draft.gone !== null ? "gone" : known === undefined ? "online" : this.#view.state(known);
      this.#resources += draft.resources.size - (this.nodes.get(draft.uid)?.resources.size ?? 0);
      this.nodes.set(draft.uid, draft.node(state, this.#awayMs.get(draft.gateway) ?? null));
    }
    this.#drafts.clear();
    this.#bound.points = pointsOf(this.#resources);
  }
}
