// SPDX-License-Identifier: BSD-3-Clause
import { causeOf, NEEDS_TOKEN, REPLACED, sentenceOf } from "./close.js";
import { RpcError } from "./errors.js";
import { BROKER_BYTES } from "./limits.js";
import { afterReal, Peer } from "./peer.js";

/**
 * @typedef {{ send(text: string): void, close(code?: number): void,
 *   onopen: ((event: any) => void) | null, onmessage: ((event: any) => void) | null,
 *   onclose: ((event: any) => void) | null, onerror: ((event: any) => void) | null }} Socket  what of a WebSocket is used
 * @typedef {{ open(url: string): Socket, now(): number, random(): number, after: import("./peer.js").After }} World
 *   what is outside, replaced in tests
 * @typedef {import("./close.js").Cause} Cause
 * @typedef {{ state: "connecting", after: string | null, cause: Cause | null }
 *   | { state: "connected", sinceMs: number }
 *   | { state: "lost", reason: string, cause: Cause, nextTryMs: number }
 *   | { state: "refused", reason: string, cause: Cause, needsToken: boolean }
 *   | { state: "closed" }} Status
 *   `reason` is `cause` as a sentence; `connecting` after what trouble; `lost` is tried again by itself; `refused` is not: it wants a token, or another
 *   one, or somebody else has taken over our id
 * @typedef {object} Owner
 * @property {Map<string, import("./methods.js").Offer>} methods what the broker may call
 * @property {(peer: Peer) => Promise<void>} restore makes a new connection what the last one was
 * @property {() => void} lost
 * @property {(status: Status) => void} status
 */

export const FIRST_DELAY_MS = 250;
export const LONGEST_DELAY_MS = 30_000;
export const OPEN_TIMEOUT_MS = 10_000;
/** A connection that held this long was a good one: the next loss starts again with short delays. */
export const GOOD_AFTER_MS = 5_000;

/**
 * The world of browsers, and of Node.js 22 or newer.
 * @param {(new (url: string) => any) | undefined} WebSocket where there is none, as in Node.js 20: that of `ws`
 * @returns {World}
 */
export function realWorld(WebSocket) {
  const Socket = WebSocket ?? globalThis.WebSocket;
  if (Socket === undefined) throw new TypeError("there is no WebSocket here: give one, such as that of the package ws");
  return { open: (url) => new Socket(url), now: () => Date.now(), random: () => Math.random(), after: afterReal };
}

/** Keeps one WebSocket to the broker open, for ever. The only file here that touches a socket. */
export class Link {
  #url;
  #owner;
  #world;
  /** @type {Socket | null} */ #socket = null;
  /** @type {Peer | null} */ #peer = null;
  #failures = 0;
  /** @type {Cause | null} */ #trouble = null;
  /** @type {() => void} */ #cancelTimer = () => undefined;
  #wanted = false;
  /** @type {string | null} */ #token;
  /** The connection, once it is what it has to be. @type {Peer | null} */
  peer = null;

  /**
   * @param {string} url
   * @param {string | null} token
   * @param {Owner} owner
   * @param {World} world
   */
  constructor(url, token, owner, world) {
    this.#url = url;
    this.#token = token;
    this.#owner = owner;
    this.#world = world;
  }

  /** Connects now, unless there is a connection or an attempt already. */
  connect() {
    this.#wanted = true;
    if (this.#socket !== null) return;
    this.#cancelTimer();
    this.#owner.status({ state: "connecting", after: this.#trouble && sentenceOf(this.#trouble), cause: this.#trouble });
    let socket;
    try {
      socket = this.#world.open(this.#url);
    } catch (error) {
      this.#lost({ code: null, words: messageOf(error) });
      return;
    }
    this.#socket = socket;
    const openedMs = this.#world.now();
    this.#cancelTimer = this.#world.after(OPEN_TIMEOUT_MS, () => {
      this.#forget(socket);
      this.#lost({ code: "silent", words: "" });
    });
    const peer = new Peer((text) => socket.send(text), {
      methods: this.#owner.methods,
      after: this.#world.after,
      maxBytes: BROKER_BYTES,
    });
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.#peer = peer;
      void this.#begin(socket, peer);
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") peer.receive(event.data);
    };
    // What follows an error is always a close, which says as much.
    socket.onerror = () => undefined;
    socket.onclose = (event) => {
      if (wasOpen && this.#world.now() - openedMs >= GOOD_AFTER_MS) this.#failures = 0;
      this.#forget(socket);
      const { code, reason } = event;
      const cause = causeOf(code, reason, wasOpen);
      if (code !== NEEDS_TOKEN && code !== REPLACED) this.#lost(cause);
      else this.#refused(cause, code === NEEDS_TOKEN);
    };
  }

  /** Tries at once instead of waiting on: the tab is visible again, the network is back, or somebody asked. */
  hurry() {
    this.#failures = 0;
    this.connect();
  }

  /**
   * Connects anew with this token.
   * @param {string | null} token
   */
  useToken(token) {
    this.#token = token;
    this.#trouble = null;
    if (this.#socket !== null) this.#forget(this.#socket);
    this.hurry();
  }

  /** Ends it; `connect` begins anew. */
  close() {
    this.#wanted = false;
    this.#cancelTimer();
    if (this.#socket !== null) this.#forget(this.#socket);
    this.#owner.status({ state: "closed" });
  }

  /**
   * @param {Socket} socket
   * @param {Peer} peer
   */
  async #begin(socket, peer) {
    try {
      if (this.#token !== null) await peer.request("session.authenticate", { token: this.#token });
      await this.#owner.restore(peer);
    } catch (error) {
      if (this.#socket !== socket) return;
      this.#forget(socket);
      if (error instanceof RpcError && error.kind === "forbidden") {
        this.#refused({ code: this.#token === null ? NEEDS_TOKEN : "token", words: error.told }, true);
      } else {
        this.#lost({ code: null, words: messageOf(error) });
      }
      return;
    }
    if (this.#socket !== socket) return;
    this.#cancelTimer();
    this.#trouble = null;
    this.peer = peer;
    this.#owner.status({ state: "connected", sinceMs: this.#world.now() });
  }

  /** @param {Socket} socket */
  #forget(socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#cancelTimer();
    this.#socket = null;
    const peer = this.#peer;
    this.peer = this.#peer = null;
    if (peer === null) return;
    peer.close();
    this.#owner.lost();
  }

  /**
   * @param {Cause} cause
   * @param {boolean} needsToken
   */
  #refused(cause, needsToken) {
    this.#owner.status({ state: "refused", reason: sentenceOf(cause), cause, needsToken });
  }

  /**
   * Waits with full jitter: anything between nothing and a bound that doubles with every failure.
   * @param {Cause} cause
   */
  #lost(cause) {
    if (!this.#wanted) return;
    const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#trouble = cause;
    const delayMs = Math.round(this.#world.random() * bound);
    this.#cancelTimer = this.#world.after(delayMs, () => this.connect());
    this.#owner.status({ state: "lost", reason: sentenceOf(cause), cause, nextTryMs: this.#world.now() + delayMs });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
