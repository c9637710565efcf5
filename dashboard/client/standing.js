// SPDX-License-Identifier: BSD-3-Clause
import { RpcError } from "./errors.js";
import { readChanged, readPublished, readRegistered } from "./told.js";

/**
 * @typedef {import("./peer.js").Peer} Peer
 * @typedef {import("./watch.js").Watch} Watch
 * @typedef {import("./told.js").Published} Published
 * @typedef {import("./told.js").Registered} Registered
 * @typedef {{ id: string, topic: string | undefined, listener: (published: Published) => void }} Subscription
 */

/** What is told of watches whose number we have not read yet. */
const MAX_EARLY = 1024;

/** What a client has asked for that goes on: watches, subscriptions, its registration. Each connection is given it. */
export class Standing {
  /** The parameters of `entities.register`, once we are an entity. @type {Record<string, unknown> | null} */
  registration = null;
  /** What the broker told that makes no sense here. */
  ignored = 0;
  /** @type {Peer | null} */ #peer = null;
  /** @type {Set<Watch>} */ #watches = new Set();
  /** @type {Map<number, Watch>} */ #byNumber = new Map();
  /** @type {Set<Subscription>} */ #subscriptions = new Set();
  /** @type {Set<(event: Registered) => void>} */ #registrations = new Set();
  // The broker may tell of a watch before we have read its number.
  #opening = 0;
  /** @type {import("./told.js").Changed[]} */ #early = [];

  /**
   * What the broker tells, by its method.
   * @returns {Map<string, import("./methods.js").Offer>}
   */
  methods() {
    return new Map(
      [
        /** @type {const} */ (["nodes.changed", (/** @type {unknown} */ told) => this.#changed(readChanged(told))]),
        /** @type {const} */ (["entities.published", (/** @type {unknown} */ told) => this.#published(readPublished(told))]),
        /** @type {const} */ (["entities.registered", (/** @type {unknown} */ told) => this.#registered(readRegistered(told, false))]),
        /** @type {const} */ (["entities.left", (/** @type {unknown} */ told) => this.#registered(readRegistered(told, true))]),
      ].map(([name, call]) => [name, { call, params: null }]),
    );
  }

  // The connection

  /**
   * Makes a new connection what the last one was. Throws an RpcError.
   * @param {Peer} peer
   */
  async restore(peer) {
    // From here on what the program begins is asked for at once.
    const [watches, subscriptions, hasListeners] = [[...this.#watches], [...this.#subscriptions], this.#registrations.size > 0];
    this.#peer = peer;
    if (this.registration !== null) {
      try {
        await peer.request("entities.register", this.registration);
      } catch (error) {
        if (kindOf(error) !== "taken") throw error;
        this.registration = null;
      }
    }
    for (const watch of watches) await this.#openWatch(watch, peer);
    for (const { id, topic } of subscriptions) {
      await peer.request("entities.subscribe", { id, topic }).catch((error) => {
        // It is not there now. Whoever wants to know when it is watches registrations.
        if (kindOf(error) !== "unknown") throw error;
      });
    }
    if (hasListeners) await peer.request("entities.watchRegistrations", { watch: true });
  }

  /** The connection is gone. */
  lost() {
    this.#peer = null;
    this.#byNumber.clear();
    this.#early = [];
    for (const watch of this.#watches) watch.number = null;
  }

  // Watches

  /** @param {Watch} watch */
  beginWatch(watch) {
    this.#watches.add(watch);
    if (this.#peer === null) return;
    this.#openWatch(watch, this.#peer).catch((error) => {
      // When the connection is lost meanwhile the next one asks for it.
      if (kindOf(error) === "left" || !this.#watches.delete(watch)) return;
      watch.fail(error);
    });
  }

  /** @param {Watch} watch */
  endWatch(watch) {
    this.#watches.delete(watch);
    if (watch.number === null) return;
    this.#byNumber.delete(watch.number);
    this.#peer?.notify("nodes.unwatch", { watch: watch.number });
  }

  /**
   * @param {Watch} watch
   * @param {Peer} peer
   */
  async #openWatch(watch, peer) {
    this.#opening += 1;
    let number;
    try {
      number = await watch.open(peer);
    } catch (error) {
      // That it is wrong is this watch's trouble, and not the connection's.
      if (!(error instanceof RpcError) || error.code !== -32602) throw error;
      if (this.#watches.delete(watch)) watch.fail(error);
      return;
    } finally {
      this.#opening -= 1;
    }
    const early = this.#early.filter((told) => told.watch === number);
    this.#early = this.#opening === 0 ? [] : this.#early.filter((told) => told.watch !== number);
    if (!this.#watches.has(watch)) {
      peer.notify("nodes.unwatch", { watch: number });
      return;
    }
    this.#byNumber.set(number, watch);
    for (const told of early) watch.take(told);
  }

  /** @param {import("./told.js").Changed | null} told */
  #changed(told) {
    if (told === null) {
      this.ignored += 1;
      return;
    }
    const watch = this.#byNumber.get(told.watch);
    if (watch !== undefined) watch.take(told);
    else if (this.#opening > 0 && this.#early.length < MAX_EARLY) this.#early.push(told);
    else this.ignored += 1;
  }

  // Subscriptions

  /** @param {Subscription} subscription */
  subscribe(subscription) {
    this.#subscriptions.add(subscription);
  }

  /** @param {Subscription} subscription */
  unsubscribe(subscription) {
    const { id, topic } = subscription;
    if (!this.#subscriptions.delete(subscription)) return;
    for (const other of this.#subscriptions) if (other.id === id && other.topic === topic) return;
    this.#peer?.notify("entities.unsubscribe", { id, topic });
  }

  /** @param {Published | null} told */
  #published(told) {
    if (told === null) {
      this.ignored += 1;
      return;
    }
    for (const { id, topic, listener } of [...this.#subscriptions]) {
      if (id === told.id && (topic === undefined || topic === told.topic)) tell(listener, told);
    }
  }

  /** @param {(event: Registered) => void} listener */
  listen(listener) {
    this.#registrations.add(listener);
  }

  /** @param {(event: Registered) => void} listener */
  stopListening(listener) {
    if (!this.#registrations.delete(listener) || this.#registrations.size > 0) return;
    this.#peer?.notify("entities.watchRegistrations", { watch: false });
  }

  /** @param {Registered | null} event */
  #registered(event) {
    if (event === null) this.ignored += 1;
    else for (const listener of [...this.#registrations]) tell(listener, event);
  }
}

/** @param {unknown} error */
export function kindOf(error) {
  return error instanceof RpcError ? error.kind : null;
}

/**
 * One listener's fault is not the others'.
 * @template Event
 * @param {(event: Event) => void} listener
 * @param {Event} event
 */
function tell(listener, event) {
  try {
    listener(event);
  } catch (error) {
    console.error("fault in a listener", error);
  }
}
