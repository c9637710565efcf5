// SPDX-License-Identifier: BSD-3-Clause
import { RpcError } from "./errors.js";
import { View } from "./view.js";

/**
 * @typedef {import("./peer.js").Peer} Peer
 * @typedef {import("./view.js").Change} Change
 * @typedef {import("./told.js").Changed} Changed
 * @typedef {(told: { changes: readonly Change[], view: View }) => void} OnChanges
 * @typedef {string | readonly string[]} Condition  a text, or several of which one must be equal
 * @typedef {{ gateway?: Condition, uid?: Condition, resource?: Condition, type?: Condition, glob?: Condition }} Filter
 * @typedef {Filter & { details?: boolean }} Watched  `details`: what resources are, and liveness, are told, too
 */

/** A watch, as a program sees it: one stream of changes over any number of connections. */
export class Watch {
  /** What is known; may be read at any time. */
  view = new View();
  /** Its number at the broker, on the present connection. @type {number | null} */
  number = null;
  /** Why it ended, if it did not by `close`. @type {RpcError | null} */
  failure = null;
  /** The broker's clock minus ours, when it last answered; 0 before. */
  clockOffsetMs = 0;
  #filter;
  #onChanges;
  #onFailure;
  #end;
  #now;
  #ended = false;
  /** @type {import("./told.js").Version | undefined} */ #version;
  /** @type {{ resolve: (view: View) => void, reject: (why: RpcError) => void }[]} */ #waiting = [];

  /**
   * @param {Watched} filter
   * @param {OnChanges} onChanges
   * @param {(error: RpcError) => void} onFailure
   * @param {(watch: Watch) => void} end
   * @param {() => number} [now] our clock, Unix ms
   */
  constructor(filter, onChanges, onFailure, end, now = Date.now) {
    this.#filter = filter;
    this.#onChanges = onChanges;
    this.#onFailure = onFailure;
    this.#end = end;
    this.#now = now;
  }

  /**
   * Waits until the whole state is known.
   * @returns {Promise<View>} rejected with an RpcError where it ends before
   */
  synced() {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.#ended) return Promise.reject(ended());
    if (this.view.synced) return Promise.resolve(this.view);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Ends it. */
  close() {
    if (this.#ended) return;
    this.#ended = true;
    this.#end(this);
    for (const { reject } of this.#waiting.splice(0)) reject(ended());
  }

  // The client's side

  /**
   * Asks for it on a new connection, from where the last one was.
   * @param {Peer} peer
   * @returns {Promise<number>}
   */
  async open(peer) {
    const { watch, resumed, now } = await peer.request("nodes.watch", { ...this.#filter, since: this.#version });
    if (typeof now === "number") this.clockOffsetMs = now - this.#now();
    if (!resumed) this.view.restart();
    return (this.number = watch);
  }

  /**
   * The broker told something.
   * @param {Changed} told
   */
  take({ version, changes: told, synced }) {
    if (this.#ended) return;
    this.#version = version;
    const changes = this.view.apply(told, synced);
    if (this.view.synced) for (const { resolve } of this.#waiting.splice(0)) resolve(this.view);
    if (changes.length > 0) this.#onChanges({ changes, view: this.view });
  }

  /**
   * The broker does not let us have it.
   * @param {RpcError} why
   */
  fail(why) {
    if (this.#ended) return;
    this.#ended = true;
    this.failure = why;
    const waiting = this.#waiting.splice(0);
    for (const { reject } of waiting) reject(why);
    this.#onFailure(why);
  }
}

function ended() {
  return RpcError.of("left", "the watch was ended");
}
