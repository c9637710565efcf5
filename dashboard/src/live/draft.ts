// SPDX-License-Identifier: BSD-3-Clause
import type { Bound } from "./history.ts";
import type { About, Gone, Node, Resource } from "./model.ts";
import type { NodeInfo } from "../../client/client.js";
import type { Reading } from "./news.ts";
import { aboutOf, resourceOf } from "./resource.ts";
import { Rhythm } from "./rhythm.ts";

/** Of resources that have no value yet, what was said about them; as many as a node may have at the broker. */
const MAX_ABOUTS = 64;

/** What is kept of a node besides what is shown. */
export interface Life {
  rhythm: Rhythm | null;
  /** How often it usually shows itself, as its gateway says. */
  toldMs: number | null;
  abouts: Map<string, About> | null;
}

/** A node while a batch of news is applied to it; then it is one new Node. */
export class Draft {
  readonly uid: string;
  gateway: string;
  gone: Gone | null;
  #protocol: string;
  #firstSeenMs: number | null;
  #lastSeenMs: number | null;
  #timeoutMs: number | null;
  readonly #was: Node | undefined;
  readonly #life: Life;
  readonly #bound: Bound;
  #resources: ReadonlyMap<string, Resource>;
  /** The copy that may be changed, once there is one. */
  #own: Map<string, Resource> | null = null;

  constructor(uid: string, was: Node | undefined, life: Life, bound: Bound) {
    this.#bound = bound;
    this.uid = uid;
    this.gateway = was?.gateway ?? uid.split("/", 1)[0] ?? "";
    this.gone = was?.gone ?? null;
    this.#protocol = was?.protocol ?? "";
    this.#firstSeenMs = was?.firstSeenMs ?? null;
    this.#lastSeenMs = was?.lastSeenMs ?? null;
    this.#timeoutMs = was?.timeoutMs ?? null;
    this.#was = was;
    this.#life = life;
    this.#resources = was?.resources ?? new Map<string, Resource>();
  }

  get resources(): ReadonlyMap<string, Resource> {
    return this.#resources;
  }

  identity(gateway: string, protocol: string, firstSeenMs: number | null): void {
    this.gateway = gateway;
    this.#protocol = protocol;
    this.#firstSeenMs = firstSeenMs;
  }

  /** A value; `former` is the resource as it was before the node was reset or went. */
  value(name: string, reading: Reading, former: Resource | undefined): void {
    const before = this.#resources.get(name) ?? former;
    const about = this.#life.abouts?.get(name);
    this.#life.abouts?.delete(name);
    this.#writable().set(name, resourceOf(name, reading, about, before, this.#bound));
    this.#seen(reading.at);
  }

  about(name: string, said: unknown): void {
    const about = aboutOf(said);
    const resource = this.#resources.get(name);
    if (resource !== undefined) {
      this.#writable().set(name, { ...resource, about });
      return;
    }
    const abouts = (this.#life.abouts ??= new Map());
    if (abouts.size < MAX_ABOUTS || abouts.has(name)) abouts.set(name, about);
  }

  liveness(lastSeenMs: number, intervalMs: number | undefined, timeoutMs: number | undefined): void {
    this.#life.toldMs = intervalMs ?? null;
    this.#timeoutMs = timeoutMs ?? null;
    this.#seen(lastSeenMs);
  }

  /** What was known of its values is void. */
  clear(): void {
    this.#resources = this.#own = new Map();
    this.#life.abouts = null;
  }

  /** It went; of the values that are known here the histories go on. */
  departed(told: NodeInfo): void {
    const former = this.#resources;
    this.clear();
    this.identity(told.gateway, told.protocol, told.firstSeen);
    for (const [name, reading] of Object.entries(told.values)) {
      const before = former.get(name);
      this.value(name, reading, before?.atMs === reading.at ? before : undefined);
    }
    for (const [name, about] of Object.entries(told.about ?? {})) this.about(name, about);
    this.liveness(told.lastSeen, told.interval, told.timeout);
    this.gone = { why: told.why ?? "unknown", atMs: told.goneAt ?? told.lastSeen };
  }

  node(state: Node["state"], awayMs: number | null): Node {
    const heardEveryMs = this.#life.rhythm?.everyMs ?? null;
    const unreachableMs = this.#was?.state === "unreachable" ? (this.#was.unreachableMs ?? null) : awayMs;
    return {
      uid: this.uid,
      gateway: this.gateway,
      protocol: this.#protocol,
      state,
      firstSeenMs: this.#firstSeenMs,
      lastSeenMs: this.#lastSeenMs,
      intervalMs: this.#life.toldMs ?? heardEveryMs,
      heardEveryMs,
      timeoutMs: this.#timeoutMs,
      gone: this.gone,
      unreachableMs: state === "unreachable" ? unreachableMs : null,
      resources: this.#resources,
    };
  }

  #writable(): Map<string, Resource> {
    if (this.#own === null) this.#resources = this.#own = new Map(this.#resources);
    return this.#own;
  }

  #seen(atMs: number): void {
    const lastMs = this.#lastSeenMs;
    if (lastMs !== null && !(atMs > lastMs)) return;
    this.#lastSeenMs = atMs;
    if (lastMs === null) return;
    this.#life.rhythm ??= new Rhythm(lastMs);
    this.#life.rhythm.note(atMs);
  }
}
