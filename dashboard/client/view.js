// SPDX-License-Identifier: BSD-3-Clause

/**
 * @typedef {{ type: "value", uid: string, resource: string, data: unknown, value: unknown, unit?: string, at: number }} Value
 * @typedef {{ type: "node", uid: string, gateway: string, protocol: string, firstSeen: number }} NodeHere
 * @typedef {{ type: "reset", uid: string }} NodeReset
 * @typedef {{ type: "gone", uid: string, why?: string, at?: number }} NodeGone  without `why` it only left what is watched
 * @typedef {{ type: "gateway", gateway: string, state: "connected" | "resyncing" | "away" }} GatewayState
 * @typedef {{ title?: string, writable?: boolean, unit?: string, min?: number, max?: number, step?: number,
 *   choices?: (string | number | boolean)[], rt?: string, if?: string, ct?: string }} About  what a resource is
 * @typedef {{ type: "about", uid: string, resource: string, about: About }} Described
 * @typedef {{ type: "liveness", uid: string, lastSeen: number, interval?: number, timeout?: number }} Liveness
 * @typedef {{ type: "dismissed", uid: string }} Dismissed  somebody dismissed a node that went
 * @typedef {{ type: "synced" }} Synced  the whole state has been told
 * @typedef {Value | NodeHere | NodeReset | NodeGone | GatewayState | Described | Liveness | Dismissed} Told
 * @typedef {Told | Synced} Change
 */

/** A node as last heard. */
export class Node {
  /**
   * @param {string} uid
   * @param {number} resync
   */
  constructor(uid, resync) {
    this.uid = uid;
    this.gateway = uid.split("/", 1)[0] ?? "";
    this.protocol = "";
    /** @type {number | null} */
    this.firstSeen = null;
    /** Only values of it are known, so far. */
    this.told = false;
    /** @type {Map<string, Value>} */
    this.values = new Map();
    /** What its resources are besides their values, where details are watched. @type {Map<string, About>} */
    this.abouts = new Map();
    /** Its last sign of life, Unix ms, as far as we heard. @type {number | null} */
    this.lastSeen = null;
    /** How often it usually shows itself, and the silence after which it is out, ms. @type {number | null} */
    this.interval = null;
    /** @type {number | null} */
    this.timeout = null;
    /** In which telling of everything it came last, and its values and abouts; how often its gateway had come back. */
    this.round = 0;
    /** @type {Map<string, number>} */
    this.rounds = new Map();
    /** @type {Map<string, number>} */
    this.aboutRounds = new Map();
    this.resync = resync;
  }
}

/**
 * What is known of nodes, by the rules of PROTOCOL.md, section 3.5. Pure.
 *
 * After a connection that could not be resumed everything is told again. What is known stays until that is complete;
 * then what was not told again is gone, and who listens hears of nothing that is as it was.
 */
export class View {
  /** @type {Map<string, Node>} */
  nodes = new Map();
  /** @type {Map<string, GatewayState["state"]>} */
  gateways = new Map();
  synced = false;
  #round = 0;
  /** @type {Map<string, number>} */ #gatewayRounds = new Map();
  /** @type {Map<string, number>} */ #resyncs = new Map();

  /**
   * @param {Node} node
   * @returns {"online" | "unreachable"}
   */
  state(node) {
    const state = this.gateways.get(node.gateway) ?? "connected";
    const isBack = state === "resyncing" && node.resync === (this.#resyncs.get(node.gateway) ?? 0);
    return state === "connected" || isBack ? "online" : "unreachable";
  }

  /** From here on everything is told again. */
  restart() {
    this.#round += 1;
    this.synced = false;
  }

  /**
   * Takes what was told.
   * @param {readonly Told[]} changes
   * @param {boolean} [synced] with these the state is complete
   * @returns {Change[]} what of it is news, and what turned out to be gone
   */
  apply(changes, synced = false) {
    /** @type {Change[]} */
    const news = [];
    for (const change of changes) {
      switch (change.type) {
        case "value":
          this.#value(change, news);
          break;
        case "node":
          this.#here(change, news);
          break;
        case "gone":
          if (this.nodes.delete(change.uid)) news.push(change);
          break;
        case "reset": {
          const node = this.nodes.get(change.uid);
          if (node === undefined || node.values.size + node.abouts.size === 0) break;
          node.values.clear();
          node.rounds.clear();
          node.abouts.clear();
          node.aboutRounds.clear();
          news.push(change);
          break;
        }
        case "gateway":
          this.#gateway(change, news);
          break;
        case "about":
          this.#about(change, news);
          break;
        case "liveness":
          this.#liveness(change, news);
          break;
        case "dismissed":
          news.push(change);
          break;
      }
    }
    if (synced && !this.synced) {
      this.synced = true;
      this.#dropStale(news);
      news.push({ type: "synced" });
    }
    return news;
  }

  /** @param {string} uid */
  #node(uid) {
    let node = this.nodes.get(uid);
    if (node === undefined) {
      node = new Node(uid, 0);
      node.resync = this.#resyncs.get(node.gateway) ?? 0;
      this.nodes.set(uid, node);
    }
    node.round = this.#round;
    return node;
  }

  /**
   * @param {Value} change
   * @param {Change[]} news
   */
  #value(change, news) {
    const node = this.#node(change.uid);
    const before = node.values.get(change.resource);
    node.rounds.set(change.resource, this.#round);
    node.lastSeen = Math.max(node.lastSeen ?? change.at, change.at);
    if (before !== undefined && before.at === change.at && before.unit === change.unit && same(before, change)) return;
    node.values.set(change.resource, change);
    news.push(change);
  }

  /**
   * @param {NodeHere} change
   * @param {Change[]} news
   */
  #here(change, news) {
    const was = this.nodes.get(change.uid);
    const before = was?.told === true ? this.state(was) : null;
    const node = this.#node(change.uid);
    node.gateway = change.gateway;
    node.protocol = change.protocol;
    node.firstSeen = change.firstSeen;
    node.told = true;
    node.resync = this.#resyncs.get(change.gateway) ?? 0;
    if (before !== this.state(node)) news.push(change);
  }

  /**
   * @param {GatewayState} change
   * @param {Change[]} news
   */
  #gateway(change, news) {
    const { gateway, state } = change;
    this.#gatewayRounds.set(gateway, this.#round);
    if (this.gateways.get(gateway) === state) return;
    this.gateways.set(gateway, state);
    if (state === "resyncing") this.#resyncs.set(gateway, (this.#resyncs.get(gateway) ?? 0) + 1);
    news.push(change);
  }

  /**
   * Of a node that is not known it says nothing: it comes again when that is told. An empty one takes back.
   * @param {Described} change
   * @param {Change[]} news
   */
  #about(change, news) {
    const node = this.nodes.get(change.uid);
    if (node === undefined) return;
    if (Object.keys(change.about).length === 0) {
      node.aboutRounds.delete(change.resource);
      if (node.abouts.delete(change.resource)) news.push(change);
      return;
    }
    const before = node.abouts.get(change.resource);
    node.aboutRounds.set(change.resource, this.#round);
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(change.about)) return;
    node.abouts.set(change.resource, change.about);
    news.push(change);
  }

  /**
   * @param {Liveness} change
   * @param {Change[]} news
   */
  #liveness(change, news) {
    const node = this.nodes.get(change.uid);
    if (node === undefined) return;
    const { lastSeen, interval = null, timeout = null } = change;
    if (node.lastSeen === lastSeen && node.interval === interval && node.timeout === timeout) return;
    node.lastSeen = lastSeen;
    node.interval = interval;
    node.timeout = timeout;
    news.push(change);
  }

  /** @param {Change[]} news */
  #dropStale(news) {
    for (const [uid, node] of this.nodes) {
      if (node.round !== this.#round) {
        this.nodes.delete(uid);
        news.push({ type: "gone", uid });
        continue;
      }
      const kept = [...node.values.values()].filter((value) => node.rounds.get(value.resource) === this.#round);
      const abouts = [...node.abouts].filter(([resource]) => node.aboutRounds.get(resource) === this.#round);
      if (kept.length === node.values.size && abouts.length === node.abouts.size) continue;
      node.values = new Map(kept.map((value) => [value.resource, value]));
      node.rounds = new Map(kept.map((value) => [value.resource, this.#round]));
      node.abouts = new Map(abouts);
      node.aboutRounds = new Map(abouts.map(([resource]) => [resource, this.#round]));
      news.push({ type: "reset", uid });
      for (const [resource, about] of abouts) news.push({ type: "about", uid, resource, about });
      news.push(...kept);
    }
    for (const [gateway, round] of this.#gatewayRounds) {
      if (round === this.#round) continue;
      this.#gatewayRounds.delete(gateway);
      this.gateways.delete(gateway);
    }
  }
}

/**
 * @param {Value} before
 * @param {Value} after
 */
function same(before, after) {
  const { data } = before;
  if (data === after.data) return true;
  return typeof data === "object" && JSON.stringify(data) === JSON.stringify(after.data);
}
