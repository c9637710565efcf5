// SPDX-License-Identifier: BSD-3-Clause
import { SvelteMap } from "svelte/reactivity";
import { Client, RpcError, type Watch } from "../../client/index.js";
import type { NodeInfo } from "../../client/client.js";
import type { Status } from "../../client/link.js";
import { clock } from "../clock.svelte.ts";
import { storedToken, storeToken } from "../token.ts";
import { FrameQueue } from "./frames.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Inquiry } from "./inquiry.ts";
import type { Node } from "./model.ts";
import type { News } from "./news.ts";
import { Store, type Effect } from "./store.ts";
import { explain } from "./strings.ts";
import { Writes, canUndo, SHOWN_MS, writeKey, type Write } from "./writes.ts";

const HEARTBEAT_CHECK_MS = 5_000;
/** What the broker has to answer within, besides the client's own margin. */
const HEARTBEAT_MS = 5_000;

export type GatewayState = "connected" | "resyncing" | "away";

/**
 * What the page shows, made reactive: joins a watch of everything, the store and the writes.
 *
 * News are applied once per animation frame; each component depends on its own node only.
 */
export class View {
  /** All that are shown, those that went too. */
  readonly nodes = new SvelteMap<string, Node>();
  readonly gateways = new SvelteMap<string, GatewayState>();
  uids = $state.raw<readonly string[]>([]);
  status = $state.raw<Status>({ state: "connecting", after: null, cause: null });
  /** The broker has said everything it knows since the connection was made, and it is shown. */
  synced = $state(false);
  /** Since when there is no connection; null while there is one, or has not been one yet. */
  lostMs = $state<number | null>(null);

  readonly #shownWrites = new SvelteMap<string, Write>();
  readonly #writes = new Writes(explain);
  readonly #queue = new FrameQueue<News>((news) => this.#apply(news));
  readonly #inquiry = new Inquiry();
  readonly #heartbeat = new Heartbeat(performance.now());
  readonly #client: Client;
  readonly #watch: Watch;
  readonly #store: Store;

  constructor(brokerUrl: string) {
    this.#client = new Client(brokerUrl, { token: storedToken(), onStatus: (status) => this.#changed(status) });
    this.#watch = this.#client.watch({ details: true }, ({ changes }) => {
      this.#heartbeat.heard(performance.now());
      for (const change of changes) this.#hear(change);
    });
    this.#store = new Store(this.#watch.view);
  }

  get connected(): boolean {
    return this.status.state === "connected";
  }

  node(uid: string): Node | undefined {
    return this.nodes.get(uid);
  }

  /** Keeps connected: quickly when the page is looked at again or the network is back. */
  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#queue.flush();
      this.#hurry();
      void this.#beat();
    });
    addEventListener("online", () => this.#hurry());
    setInterval(() => void this.#beat(), HEARTBEAT_CHECK_MS);
    // Whoever slept has missed the end of its connections, and what the time is.
    clock.onLeap = () => this.#connectAnew();
  }

  tryNow(): void {
    this.#client.hurry();
  }

  /** Uses this token from now on, in this tab only. */
  useToken(token: string): void {
    storeToken(token);
    this.#client.useToken(token);
  }

  /** Any method of the broker's `/rpc`; rejected with an RpcError. */
  request(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.#client.request(method, params);
  }

  // Writes

  /** Asks the device to take a value; the outcome shows in `writeOf` and in the node itself. Never rejects. */
  async write(uid: string, resource: string, data: unknown): Promise<void> {
    const write = this.#writes.start(uid, resource, data, this.#dataOf(uid, resource, data), clock.tick());
    if (!this.connected) {
      this.#writes.notSent(write);
      this.#showWrites();
      return;
    }
    this.#showWrites();
    let changed;
    try {
      await this.#client.write(uid, resource, data);
      // What the device said came before the answer, and is to be shown before the outcome.
      this.#queue.flush();
      changed = this.#writes.confirmed(write, clock.tick());
    } catch (error) {
      const [kind, reason] = error instanceof RpcError ? [error.kind, error.told] : [null, String(error)];
      changed = this.#writes.failed(write, kind, reason);
    }
    if (changed) this.#showWrites();
  }

  /** The write of this resource that is under way, was confirmed just now, or failed; if any. */
  writeOf(uid: string, resource: string): Write | undefined {
    return this.#shownWrites.get(writeKey(uid, resource));
  }

  /** Whether it can be written to now: it is there, as far as is known, and so is the broker. */
  reaches(node: Node): boolean {
    return this.connected && node.state === "online";
  }

  canUndo(write: Write): boolean {
    return this.connected && canUndo(write);
  }

  /** Writes back what the device said before the last write that it confirmed. */
  async undo(uid: string, resource: string): Promise<void> {
    const write = this.#writes.byKey.get(writeKey(uid, resource));
    if (write !== undefined && canUndo(write)) await this.write(uid, resource, write.before);
  }

  /** Takes away how a write ended. */
  forget(uid: string, resource: string): void {
    if (this.#writes.forget(uid, resource)) this.#showWrites();
  }

  /** Shows a node that went no longer, to nobody; why not, or null. */
  async dismiss(uid: string): Promise<string | null> {
    try {
      await this.#client.dismiss(uid);
    } catch (error) {
      const [kind, reason] = error instanceof RpcError ? [error.kind, error.told] : [null, String(error)];
      // The broker was started anew, or has had too many: here alone it is remembered.
      if (kind !== "unknown") return explain(kind, reason);
    }
    this.#hear({ type: "dismissed", uid });
    this.#queue.flush();
    return null;
  }

  // What comes

  #hear(news: News): void {
    this.#inquiry.hear(news);
    this.#queue.push(news);
  }

  #changed(status: Status): void {
    if (status.state === "connected") {
      this.#heartbeat.heard(performance.now());
      clock.set(this.#watch.clockOffsetMs);
      this.status = { ...status, sinceMs: status.sinceMs + clock.offsetMs };
      this.lostMs = null;
      this.#showSynced();
      // Of who came and went while there was no connection a watch that goes on says nothing that is known here.
      if (this.#watch.view.synced) void this.#askDeparted();
      return;
    }
    // Moments are the broker's on the whole page.
    this.status = status.state === "lost" ? { ...status, nextTryMs: status.nextTryMs + clock.offsetMs } : status;
    this.synced = false;
    this.#queue.flush();
    if (this.nodes.size > 0) this.lostMs ??= clock.tick();
    if (this.#writes.lost()) this.#showWrites();
  }

  /** Asks the broker for a word when it has been silent, and connects anew when none comes. */
  async #beat(): Promise<void> {
    if (!this.connected || document.hidden || !this.#heartbeat.ask(performance.now())) return;
    let isThere = true;
    try {
      await this.#client.request("gateways.list", {}, HEARTBEAT_MS);
    } catch (error) {
      // Any word of the broker's is one, also that it knows no such method.
      isThere = !(error instanceof RpcError && error.kind === "timeout");
    }
    this.#heartbeat.answered(isThere, performance.now());
    if (!isThere && this.connected) this.#connectAnew();
  }

  #connectAnew(): void {
    // Who was refused stays so until there is another token.
    if (this.status.state !== "refused") this.#client.useToken(storedToken());
  }

  #hurry(): void {
    if (this.status.state === "lost") this.#client.hurry();
  }

  #apply(news: readonly News[]): void {
    const nowMs = clock.offsetMs + Date.now();
    this.#show(this.#store.apply(news, nowMs));
    if (news.some(({ type }) => type === "synced")) void this.#askDeparted();
    this.#showSynced();
    let written = false;
    if (this.#writes.byKey.size > 0) for (const each of news) written = this.#writes.apply(each, nowMs) || written;
    if (written) this.#showWrites();
  }

  #show({ nodes, membership, gateways }: Effect): void {
    for (const uid of nodes) {
      const node = this.#store.nodes.get(uid);
      if (node === undefined) this.nodes.delete(uid);
      else this.nodes.set(uid, node);
    }
    if (membership) this.uids = [...this.#store.nodes.keys()];
    if (!gateways) return;
    const known = this.#watch.view.gateways;
    for (const gateway of this.gateways.keys()) if (!known.has(gateway)) this.gateways.delete(gateway);
    for (const [gateway, state] of known) this.gateways.set(gateway, state);
  }

  #showSynced(): void {
    if (!this.connected || !this.#watch.view.synced) this.synced = false;
    else if (this.#queue.waiting === 0) this.synced = true;
  }

  /** After the whole state was told, asks for the nodes that went before. */
  async #askDeparted(): Promise<void> {
    this.#inquiry.begin();
    let nodes: readonly NodeInfo[] = [];
    try {
      nodes = await this.#client.departed();
    } catch {
      // When the connection is lost the next one asks.
    }
    this.#queue.push({ type: "departed", nodes: this.#inquiry.end(nodes) });
  }

  #dataOf(uid: string, name: string, data: unknown): unknown {
    const resource = this.#store.nodes.get(uid)?.resources.get(name);
    // A number is written where a number is read, also of a device that says "21 °C".
    return typeof data === "number" && typeof resource?.value === "number" ? resource.value : resource?.data;
  }

  #showWrites(): void {
    for (const key of this.#shownWrites.keys()) if (!this.#writes.byKey.has(key)) this.#shownWrites.delete(key);
    for (const [key, write] of this.#writes.byKey) {
      if (this.#shownWrites.get(key) === write) continue;
      this.#shownWrites.set(key, write);
      if (write.state === "confirmed") setTimeout(() => this.#expire(), SHOWN_MS + 50);
    }
  }

  #expire(): void {
    if (this.#writes.expire(clock.tick())) this.#showWrites();
  }
}
