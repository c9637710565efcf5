// SPDX-License-Identifier: BSD-3-Clause
import { rpcUrl } from "./address.js";
import { RpcError } from "./errors.js";
import { Link, realWorld } from "./link.js";
import { asParameter } from "./peer.js";
import { kindOf, Standing } from "./standing.js";
import { Watch } from "./watch.js";

/**
 * @typedef {import("./peer.js").Peer} Peer
 * @typedef {import("./methods.js").Parameter} Parameter
 * @typedef {import("./link.js").Status} Status
 * @typedef {import("./watch.js").Filter} Filter
 * @typedef {import("./watch.js").Watched} Watched
 * @typedef {import("./told.js").Published} Published
 * @typedef {import("./told.js").Registered} Registered
 * @typedef {{ data: unknown, value: unknown, unit?: string, at: number }} Reading
 * @typedef {{ uid: string, gateway: string, protocol: string, state: "online" | "unreachable" | "gone", firstSeen: number,
 *   lastSeen: number, interval?: number, timeout?: number, values: Record<string, Reading>,
 *   about?: Record<string, import("./view.js").About>, why?: string, goneAt?: number }} NodeInfo
 * @typedef {{ gateway: string, state: "connected" | "resyncing" | "away", nodes: number, address?: string,
 *   doors: { scheme: string, port: number, host?: string, path?: string }[] }} GatewayInfo
 * @typedef {{ description?: string, params?: readonly (string | Parameter)[],
 *   result?: { type?: string, description?: string } }} About  what others are told of a method
 * @typedef {{ id?: string, type?: string, description?: string, token?: string }} As
 * @typedef {{ id: string, uid: string, token: string }} Registration
 * @typedef {object} Options
 * @property {string | null} [token] where the broker wants one
 * @property {(status: Status) => void} [onStatus] called at each change of the connection
 * @property {new (url: string) => any} [WebSocket] where there is none, as in Node.js 20: that of the package ws
 * @property {import("./link.js").World} [world] for tests
 */

/** How long the broker itself waits for a device, and how much longer we wait for its word. */
export const DEVICE_MS = 10_000;
export const MARGIN_MS = 5_000;

/**
 * Devices and other programs, from a page or a program (PROTOCOL.md, section 3.5).
 *
 *     const client = new Client("localhost:8000");
 *     client.watch({ type: "temperature" }, ({ changes }) => console.log(changes));
 *     await client.write("coap/1234", "led", 1);
 *
 * It connects again by itself. Watches, subscriptions and the registration go on from where they were; what was
 * under way is rejected (`left`), for nobody knows whether it happened. All rejections are RpcErrors.
 */
export class Client {
  #standing = new Standing();
  #methods = this.#standing.methods();
  /** @type {Map<string, About>} */ #offered = new Map();
  /** @type {Registration | null} */ #registration = null;
  /** @type {Set<() => void>} */ #waiting = new Set();
  #link;
  #world;
  /** @type {Status} */ status = { state: "connecting", after: null, cause: null };

  /**
   * @param {string} address such as `localhost:8000`, or `https://example.org/iot`
   * @param {Options} [options]
   */
  constructor(address, { token = null, onStatus = () => undefined, WebSocket, world = realWorld(WebSocket) } = {}) {
    this.#world = world;
    const owner = {
      methods: this.#methods,
      restore: (/** @type {Peer} */ peer) => this.#standing.restore(peer),
      lost: () => this.#standing.lost(),
      status: (/** @type {Status} */ status) => {
        this.status = status;
        if (status.state !== "connecting" && status.state !== "lost") this.#wake();
        onStatus(status);
      },
    };
    this.#link = new Link(rpcUrl(address), token, owner, world);
    this.#link.connect();
  }

  /** Tries to connect at once instead of waiting on; also after `close`, or what was refused. */
  hurry() {
    this.#link.hurry();
  }

  /**
   * Connects anew with this token.
   * @param {string | null} token
   */
  useToken(token) {
    this.#link.useToken(token);
  }

  /** Leaves. */
  close() {
    this.#link.close();
  }

  // Nodes

  /**
   * All nodes that the filter lets through, by uid.
   * @param {Filter} [filter]
   * @returns {Promise<NodeInfo[]>}
   */
  nodes(filter = {}) {
    return this.#pages("nodes.list", "nodes", { ...filter });
  }

  /**
   * @param {string} uid
   * @returns {Promise<NodeInfo>}
   */
  node(uid) {
    return this.request("nodes.get", { uid });
  }

  /**
   * Nodes that went, as they were last known, by uid, until they are back or dismissed.
   * @returns {Promise<NodeInfo[]>}
   */
  departed() {
    return this.#pages("nodes.departed", "nodes", {});
  }

  /**
   * Forgets that a node was there which went; rejected (`unknown`) where none is called so.
   * @param {string} uid
   * @returns {Promise<true>}
   */
  dismiss(uid) {
    return this.request("nodes.dismiss", { uid });
  }

  /**
   * The gateways, by name, and where devices come in.
   * @returns {Promise<GatewayInfo[]>}
   */
  async gateways() {
    const { gateways } = await this.request("gateways.list");
    return gateways;
  }

  /**
   * Watches what the filter lets through: the state first, then what changes. `onChanges` gets what is news; the view
   * is what is known. `onFailure` is called where the broker does not let us.
   * @param {Watched} filter
   * @param {import("./watch.js").OnChanges} [onChanges]
   * @param {(error: RpcError) => void} [onFailure]
   * @returns {Watch} `close()` ends it
   */
  watch(filter, onChanges = () => undefined, onFailure = (error) => console.error("a watch ended", error)) {
    const watch = new Watch(filter, onChanges, onFailure, (ended) => this.#standing.endWatch(ended), this.#world.now);
    this.#standing.beginWatch(watch);
    return watch;
  }

  /**
   * Has a device take a value; what it confirmed, null if it reports none.
   * @param {string} uid
   * @param {string} resource
   * @param {unknown} data
   * @returns {Promise<Reading | null>}
   */
  write(uid, resource, data) {
    return this.request("nodes.write", { uid, resource, data });
  }

  /**
   * Asks a device for a value now.
   * @param {string} uid
   * @param {string} resource
   * @returns {Promise<Reading>}
   */
  read(uid, resource) {
    return this.request("nodes.read", { uid, resource });
  }

  // Entities

  /**
   * Offers a function to others; before `register`. It gets its parameters by position, and may return a promise.
   * @param {string} name
   * @param {import("./methods.js").Method} call
   * @param {About} [about]
   */
  method(name, call, about = {}) {
    if (this.#methods.has(name) && !this.#offered.has(name)) throw new RangeError(`${name} is a method of the library`);
    this.#methods.set(name, { call, params: about.params?.map(asParameter) ?? null });
    this.#offered.set(name, about);
    return this;
  }

  /**
   * Becomes an entity, with the methods offered so far; again: with others. `token` makes an id ours again.
   * @param {As} [as] without an id a fresh one is given
   * @returns {Promise<Registration>}
   */
  async register(as = {}) {
    const methods = [...this.#offered].map(([name, about]) => ({ name, ...about, params: about.params?.map(asParameter) }));
    const mine = this.registration;
    const kept = mine !== null && (as.id === undefined || as.id === mine.id) ? { id: mine.id, token: mine.token } : {};
    const asked = { ...kept, ...as, methods };
    const registration = await this.request("entities.register", asked);
    this.#standing.registration = { ...asked, id: registration.id, token: registration.token };
    return (this.#registration = registration);
  }

  /** What we are; null if we are no entity, or not any more. */
  get registration() {
    return this.#standing.registration === null ? null : this.#registration;
  }

  /** @returns {Promise<true>} */
  unregister() {
    this.#standing.registration = null;
    return this.request("entities.unregister");
  }

  /**
   * Publishes as the entity that we registered.
   * @param {unknown} content
   * @param {string} [topic]
   * @returns {Promise<{ subscribers: number }>} how many were told
   */
  publish(content, topic) {
    return this.request("entities.publish", { content, topic });
  }

  /**
   * Those that are there, by id.
   * @param {{ type?: string, kind?: "peer" | "device" }} [filter]
   * @returns {Promise<{ id: string, type: string, kind: "peer" | "device" }[]>}
   */
  entities(filter = {}) {
    return this.#pages("entities.list", "entities", { ...filter });
  }

  /**
   * @param {string} id
   * @returns {Promise<{ id: string, uid: string, kind: "peer" | "device", type: string, description?: string,
   *   methods: { name: string, params?: Parameter[], result?: { type?: string } }[], topics: string[], subscribers: number }>}
   */
  entity(id) {
    return this.request("entities.get", { id });
  }

  /**
   * Calls a method of an entity; what it answers.
   * @param {string} id
   * @param {string} method
   * @param {readonly unknown[] | Readonly<Record<string, unknown>>} [params] by position, or by name
   * @param {number} [timeoutMs] at most 60,000
   */
  call(id, method, params, timeoutMs = DEVICE_MS) {
    return this.request("entities.call", { id, method, params, timeout: timeoutMs / 1000 }, timeoutMs);
  }

  /**
   * Hears what an entity publishes: all topics where none is given.
   * @param {string} id
   * @param {(published: Published) => void} listener
   * @param {string} [topic]
   * @returns {Promise<() => void>} ends it
   */
  async subscribe(id, listener, topic) {
    const subscription = { id, topic, listener };
    this.#standing.subscribe(subscription);
    try {
      await this.#ask("entities.subscribe", { id, topic });
    } catch (error) {
      this.#standing.unsubscribe(subscription);
      throw error;
    }
    return () => this.#standing.unsubscribe(subscription);
  }

  /**
   * Hears which entities come and go.
   * @param {(event: Registered) => void} listener
   * @returns {Promise<() => void>} ends it
   */
  async watchRegistrations(listener) {
    this.#standing.listen(listener);
    try {
      await this.#ask("entities.watchRegistrations", { watch: true });
    } catch (error) {
      this.#standing.stopListening(listener);
      throw error;
    }
    return () => this.#standing.stopListening(listener);
  }

  /**
   * Any method of the broker (`rpc.discover` lists them). While there is no connection it waits for one.
   * @param {string} method
   * @param {Readonly<Record<string, unknown>>} [params]
   * @param {number} [timeoutMs] how long the broker itself may wait
   * @returns {Promise<any>}
   */
  async request(method, params, timeoutMs = DEVICE_MS) {
    const peer = this.#link.peer ?? (await this.#connected(timeoutMs));
    return peer.request(method, params, timeoutMs + MARGIN_MS);
  }

  /**
   * Asks for what goes on; when the connection is lost meanwhile the next one asks for it.
   * @param {string} method
   * @param {Readonly<Record<string, unknown>>} params
   */
  async #ask(method, params) {
    try {
      await this.request(method, params);
    } catch (error) {
      if (kindOf(error) !== "left") throw error;
    }
  }

  /**
   * @param {number} timeoutMs
   * @returns {Promise<Peer>}
   */
  async #connected(timeoutMs) {
    let isLate = false;
    /** @type {() => void} */ let wake = () => undefined;
    const cancel = this.#world.after(timeoutMs, () => {
      isLate = true;
      wake();
    });
    while (this.#link.peer === null && !isLate && this.status.state !== "refused" && this.status.state !== "closed") {
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
        this.#waiting.add(wake);
      });
      this.#waiting.delete(wake);
    }
    cancel();
    if (this.#link.peer !== null) return this.#link.peer;
    const { status } = this;
    if (status.state === "refused") throw RpcError.of(status.needsToken ? "forbidden" : "left", status.reason);
    throw RpcError.of("offline", `there is no connection to the broker${status.state === "lost" ? `: ${status.reason}` : ""}`);
  }

  #wake() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * @param {string} method
   * @param {string} what
   * @param {Record<string, unknown>} filter
   * @returns {Promise<any[]>}
   */
  async #pages(method, what, filter) {
    const found = [];
    for (let after; ; ) {
      const page = await this.request(method, { ...filter, limit: 1000, after });
      found.push(...page[what]);
      if (page.next === null) return found;
      after = page.next;
    }
  }
}
