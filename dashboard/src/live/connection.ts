// SPDX-License-Identifier: BSD-3-Clause
import { closeReason } from "./close.ts";

/** The link to the broker, as the page shows it. */
export type Status =
  /** Trying; `after` is why the attempt before failed, or null for the first after all was well. */
  | { readonly state: "connecting"; readonly after: string | null }
  | { readonly state: "connected"; readonly sinceMs: number }
  /** Lost; tried again by itself at `nextTryMs`. */
  | { readonly state: "lost"; readonly reason: string; readonly nextTryMs: number }
  /** The broker wants a token, or another one; nothing happens until `useToken`. */
  | { readonly state: "refused"; readonly reason: string };

/** The part of a WebSocket that is used here. */
export type Socket = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose">;

/** The world outside, replaced in tests. */
export interface World {
  open(url: string): Socket;
  now(): number;
  random(): number;
  after(delayMs: number, callback: () => void): () => void;
}

export const browserWorld: World = {
  open: (url) => new WebSocket(url),
  now: () => Date.now(),
  random: () => Math.random(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** What the owner of the connection is told. */
export interface Listener {
  /** The socket is open; what this returns is sent first. */
  hello(): string;
  message(text: string): void;
  status(status: Status): void;
}

export const FIRST_DELAY_MS = 250;
export const LONGEST_DELAY_MS = 30_000;
export const OPEN_TIMEOUT_MS = 10_000;
/** A connection that held this long was a good one: the next loss starts again with short delays. */
export const GOOD_AFTER_MS = 5_000;
const TOKEN_NEEDED = 4401;

/** Keeps one WebSocket to the broker open, for ever. The only file that touches a socket. */
export class Connection {
  readonly #url: string;
  readonly #listener: Listener;
  readonly #world: World;
  #socket: Socket | null = null;
  #open = false;
  #failures = 0;
  #lastLoss: string | null = null;
  #cancelTimer: () => void = () => undefined;

  constructor(url: string, listener: Listener, world: World = browserWorld) {
    this.#url = url;
    this.#listener = listener;
    this.#world = world;
  }

  /** Connects now, unless there is a connection or an attempt already. */
  connect(): void {
    if (this.#socket !== null) return;
    this.#cancelTimer();
    this.#listener.status({ state: "connecting", after: this.#lastLoss });
    let socket: Socket;
    try {
      socket = this.#world.open(this.#url);
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#socket = socket;
    const openedMs = this.#world.now();
    this.#cancelTimer = this.#world.after(OPEN_TIMEOUT_MS, () => {
      this.#forget(socket);
      this.#lost("The broker does not answer.");
    });
    socket.onopen = () => {
      this.#cancelTimer();
      this.#open = true;
      this.#lastLoss = null;
      socket.send(this.#listener.hello());
      this.#listener.status({ state: "connected", sinceMs: this.#world.now() });
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#listener.message(event.data);
    };
    socket.onclose = (event) => {
      const wasOpen = this.#open;
      this.#forget(socket);
      this.#cancelTimer();
      if (wasOpen && this.#world.now() - openedMs >= GOOD_AFTER_MS) this.#failures = 0;
      const reason = closeReason(event.code, event.reason, wasOpen);
      if (event.code === TOKEN_NEEDED) this.#listener.status({ state: "refused", reason });
      else this.#lost(reason);
    };
  }

  /** Tries at once instead of waiting on: the tab is visible again, the network is back, or somebody asked. */
  hurry(): void {
    this.#failures = 0;
    this.connect();
  }

  /** Sends when connected; false says that nothing was sent. */
  send(text: string): boolean {
    if (this.#socket === null || !this.#open) return false;
    this.#socket.send(text);
    return true;
  }

  #forget(socket: Socket): void {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
    this.#open = false;
  }

  /** Waits with full jitter: anything between nothing and a bound that doubles with every failure. */
  #lost(reason: string): void {
    const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#lastLoss = reason;
    const delayMs = Math.round(this.#world.random() * bound);
    this.#cancelTimer = this.#world.after(delayMs, () => {
      this.connect();
    });
    this.#listener.status({ state: "lost", reason, nextTryMs: this.#world.now() + delayMs });
  }
}
