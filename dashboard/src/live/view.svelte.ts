// SPDX-License-Identifier: BSD-3-Clause
import { SvelteMap } from "svelte/reactivity";
import { Connection, type Status } from "./connection.ts";
import { FrameQueue } from "./frames.ts";
import { hello, parseMessage, write as writeMessage, type Message } from "./messages.ts";
import { Store, type Node } from "./store.ts";
import { Writes, writeKey, type Write } from "./writes.ts";

const TOKEN_KEY = "pyaiot.token";

/**
 * What the page shows, made reactive: joins the connection, the store and the writes.
 *
 * Messages are applied once per animation frame; each component depends on its own node only.
 */
export class View {
  readonly nodes = new SvelteMap<string, Node>();
  readonly writes = new SvelteMap<string, Write>();
  uids = $state.raw<readonly string[]>([]);
  status = $state.raw<Status>({ state: "connecting", after: null });
  /** The broker has said everything it knows since the connection was made. */
  synced = $state(false);

  readonly #store = new Store();
  readonly #writes = new Writes(Math.random().toString(36).slice(2, 10));
  readonly #queue: FrameQueue<Message>;
  readonly #connection: Connection;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(brokerUrl: string) {
    this.#queue = new FrameQueue((messages) => this.#apply(messages));
    this.#connection = new Connection(brokerUrl, {
      hello: () => this.#hello(),
      message: (text) => this.#heard(text),
      status: (status) => this.#changed(status),
    });
  }

  get connected(): boolean {
    return this.status.state === "connected";
  }

  /** Connects and keeps connected; quickly when the page is looked at again or the network is back. */
  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#queue.flush();
      this.#hurry();
    });
    addEventListener("online", () => this.#hurry());
    this.#connection.connect();
  }

  tryNow(): void {
    this.#connection.hurry();
  }

  /** Uses this token from now on, in this tab only. */
  useToken(token: string): void {
    try {
      sessionStorage.setItem(TOKEN_KEY, token);
    } catch {
      // No storage in this browser's mode: the field will ask again after a reload.
    }
    this.#token = token;
    this.#connection.hurry();
  }

  /** Asks the device to take a value; the outcome shows in `writes` and in the node itself. */
  write(uid: string, resource: string, payload: string): void {
    const write = this.#writes.start(uid, resource, payload, Date.now());
    if (!this.#connection.send(writeMessage(write.id, uid, resource, payload))) this.#writes.notSent(write);
    this.#showWrites();
  }

  #token: string | null = storedToken();

  #hello(): string {
    // What is still queued belongs to the connection before.
    this.#queue.flush();
    this.#store.startReplay();
    return hello(this.#token);
  }

  #heard(text: string): void {
    const message = parseMessage(text);
    if (message !== null) this.#queue.push(message);
  }

  #changed(status: Status): void {
    this.status = status;
    if (status.state === "connected") return;
    this.synced = false;
    this.#queue.flush();
    if (this.#writes.lost()) this.#showWrites();
  }

  #hurry(): void {
    if (this.status.state === "lost") this.#connection.hurry();
  }

  #apply(messages: readonly Message[]): void {
    const { nodes, membership, synced } = this.#store.apply(messages, Date.now());
    for (const uid of nodes) {
      const node = this.#store.nodes.get(uid);
      if (node === undefined) this.nodes.delete(uid);
      else this.nodes.set(uid, node);
    }
    if (membership) this.uids = [...this.#store.nodes.keys()];
    if (synced) this.synced = true;
    let written = false;
    if (this.#writes.byKey.size > 0) for (const message of messages) written = this.#writes.apply(message) || written;
    if (written) this.#showWrites();
  }

  #showWrites(): void {
    for (const key of this.writes.keys()) if (!this.#writes.byKey.has(key)) this.writes.delete(key);
    for (const [key, write] of this.#writes.byKey) this.writes.set(key, write);
    clearTimeout(this.#expiry);
    const next = this.#writes.nextDeadlineMs();
    if (next === null) return;
    this.#expiry = setTimeout(() => {
      this.#writes.expire(Date.now());
      this.#showWrites();
    }, next - Date.now());
  }

  /** The write of this resource that waits or failed, if any. */
  writeOf(uid: string, resource: string): Write | undefined {
    return this.writes.get(writeKey(uid, resource));
  }
}

function storedToken(): string | null {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;
  }
}
