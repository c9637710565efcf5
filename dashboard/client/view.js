// SPDX-License-Identifier: BSD-3-Clause

/**
 * @typedef {{ type: "value", uid: string, resource: string, data: unknown, value: unknown, unit?: string, at: number }} Value
 * @typedef {{ type: "node", uid: string, gateway: string, protocol: string, firstSeen: number }} NodeHere
 * @typedef {{ type: "reset", uid: string }} NodeReset
 * @typedef {{ type: "gone", uid: string }} NodeGone
 * @typedef {{ type: "gateway", gateway: string, state: "connected" | "resyncing" | "away" }} GatewayState
 * @typedef {{ type: "synced" }} Synced  the whole state has been told
 * @typedef {Value | NodeHere | NodeReset | NodeGone | GatewayState} Told
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
    /** In which telling of everything it came last, and each of its values; how often its gateway had come back. */
    this.round = 0;
    /** @type {Map<string, number>} */
    this.rounds = new Map();
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
          if (node === undefined || node.values.size === 0) break;
          node.values.clear();
          node.rounds.clear();
          news.push(change);
          break;
        }
        case "gateway":
          this.#gateway(change, news);
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

  /** @param {Change[]} news */
  #dropStale(news) {
    for (const [uid, node] of this.nodes) {
      if (node.round !== this.#round) {
        this.nodes.delete(uid);
        news.push({ type: "gone", uid });
        continue;
      }
      const kept = [...node.values.values()].filter((value) => node.rounds.get(value.resource) === this.#round);
      if (kept.length === node.values.size) continue;
      node.values = new Map(kept.map((value) => [value.resource, value]));
      node.rounds = new Map(kept.map((value) => [value.resource, this.#round]));
      news.push({ type: "reset", uid }, ...kept);
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
