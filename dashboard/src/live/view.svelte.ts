// SPDX-License-Identifier: BSD-3-Clause
import { SvelteMap } from "svelte/reactivity";
import { Client, RpcError, type Watch } from "../../client/index.js";
import type { Status } from "../../client/link.js";
import type { Change } from "../../client/view.js";
import { storedToken, storeToken } from "../token.ts";
import { FrameQueue } from "./frames.ts";
import { Store, type Node } from "./store.ts";
import { Writes, writeKey, type Write } from "./writes.ts";

/**
 * What the page shows, made reactive: joins a watch of everything, the store and the writes.
 *
 * Changes are applied once per animation frame; each component depends on its own node only.
 */
export class View {
  readonly nodes = new SvelteMap<string, Node>();
  readonly writes = new SvelteMap<string, Write>();
  uids = $state.raw<readonly string[]>([]);
  status = $state.raw<Status>({ state: "connecting", after: null });
  /** The broker has said everything it knows since the connection was made. */
  synced = $state(false);

  readonly #writes = new Writes();
  readonly #queue = new FrameQueue<Change>((changes) => this.#apply(changes));
  readonly #client: Client;
  readonly #watch: Watch;
  readonly #store: Store;

  constructor(brokerUrl: string) {
    this.#client = new Client(brokerUrl, { token: storedToken(), onStatus: (status) => this.#changed(status) });
    this.#watch = this.#client.watch({}, ({ changes }) => {
      for (const change of changes) this.#queue.push(change);
    });
    this.#store = new Store(this.#watch.view);
  }

  get connected(): boolean {
    return this.status.state === "connected";
  }

  /** Keeps connected: quickly when the page is looked at again or the network is back. */
  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#queue.flush();
      this.#hurry();
    });
    addEventListener("online", () => this.#hurry());
  }

  tryNow(): void {
    this.#client.hurry();
  }

  /** Uses this token from now on, in this tab only. */
  useToken(token: string): void {
    storeToken(token);
    this.#client.useToken(token);
  }

  /** Asks the device to take a value; the outcome shows in `writes` and in the node itself. */
  async write(uid: string, resource: string, payload: string): Promise<void> {
    const write = this.#writes.start(uid, resource, payload);
    if (!this.connected) {
      this.#writes.notSent(write);
      this.#showWrites();
      return;
    }
    this.#showWrites();
    let changed;
    try {
      await this.#client.write(uid, resource, payload);
      changed = this.#writes.confirmed(write);
    } catch (error) {
      const [kind, reason] = error instanceof RpcError ? [error.kind, error.told] : [null, String(error)];
      changed = this.#writes.failed(write, kind, reason);
    }
    if (changed) this.#showWrites();
  }

  #changed(status: Status): void {
    this.status = status;
    if (status.state === "connected") {
      this.synced = this.#watch.view.synced;
      return;
    }
    this.synced = false;
    this.#queue.flush();
    if (this.#writes.lost()) this.#showWrites();
  }

  #hurry(): void {
    if (this.status.state === "lost") this.#client.hurry();
  }

  #apply(changes: readonly Change[]): void {
    const { nodes, membership } = this.#store.apply(changes);
    for (const uid of nodes) {
      const node = this.#store.nodes.get(uid);
      if (node === undefined) this.nodes.delete(uid);
      else this.nodes.set(uid, node);
    }
    if (membership) this.uids = [...this.#store.nodes.keys()];
    this.synced = this.connected && this.#watch.view.synced;
    let written = false;
    if (this.#writes.byKey.size > 0) for (const change of changes) written = this.#writes.apply(change) || written;
    if (written) this.#showWrites();
  }

  #showWrites(): void {
    for (const key of this.writes.keys()) if (!this.#writes.byKey.has(key)) this.writes.delete(key);
    for (const [key, write] of this.#writes.byKey) this.writes.set(key, write);
  }

  /** The write of this resource that waits or failed, if any. */
  writeOf(uid: string, resource: string): Write | undefined {
    return this.writes.get(writeKey(uid, resource));
  }
}
