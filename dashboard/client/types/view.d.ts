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
    constructor(uid: string, resync: number);
    uid: string;
    gateway: string;
    protocol: string;
    /** @type {number | null} */
    firstSeen: number | null;
    /** Only values of it are known, so far. */
    told: boolean;
    /** @type {Map<string, Value>} */
    values: Map<string, Value>;
    /** What its resources are besides their values, where details are watched. @type {Map<string, About>} */
    abouts: Map<string, About>;
    /** Its last sign of life, Unix ms, as far as we heard. @type {number | null} */
    lastSeen: number | null;
    /** How often it usually shows itself, and the silence after which it is out, ms. @type {number | null} */
    interval: number | null;
    /** @type {number | null} */
    timeout: number | null;
    /** In which telling of everything it came last, and its values and abouts; how often its gateway had come back. */
    round: number;
    /** @type {Map<string, number>} */
    rounds: Map<string, number>;
    /** @type {Map<string, number>} */
    aboutRounds: Map<string, number>;
    resync: number;
}
/**
 * What is known of nodes, by the rules of PROTOCOL.md, section 3.5. Pure.
 *
 * After a connection that could not be resumed everything is told again. What is known stays until that is complete;
 * then what was not told again is gone, and who listens hears of nothing that is as it was.
 */
export class View {
    /** @type {Map<string, Node>} */
    nodes: Map<string, Node>;
    /** @type {Map<string, GatewayState["state"]>} */
    gateways: Map<string, GatewayState["state"]>;
    synced: boolean;
    /**
     * @param {Node} node
     * @returns {"online" | "unreachable"}
     */
    state(node: Node): "online" | "unreachable";
    /** From here on everything is told again. */
    restart(): void;
    /**
     * Takes what was told.
     * @param {readonly Told[]} changes
     * @param {boolean} [synced] with these the state is complete
     * @returns {Change[]} what of it is news, and what turned out to be gone
     */
    apply(changes: readonly Told[], synced?: boolean): Change[];
    #private;
}
export type Value = {
    type: "value";
    uid: string;
    resource: string;
    data: unknown;
    value: unknown;
    unit?: string;
    at: number;
};
export type NodeHere = {
    type: "node";
    uid: string;
    gateway: string;
    protocol: string;
    firstSeen: number;
};
export type NodeReset = {
    type: "reset";
    uid: string;
};
/**
 * without `why` it only left what is watched
 */
export type NodeGone = {
    type: "gone";
    uid: string;
    why?: string;
    at?: number;
};
export type GatewayState = {
    type: "gateway";
    gateway: string;
    state: "connected" | "resyncing" | "away";
};
/**
 * what a resource is
 */
export type About = {
    title?: string;
    writable?: boolean;
    unit?: string;
    min?: number;
    max?: number;
    step?: number;
    choices?: (string | number | boolean)[];
    rt?: string;
    if?: string;
    ct?: string;
};
export type Described = {
    type: "about";
    uid: string;
    resource: string;
    about: About;
};
export type Liveness = {
    type: "liveness";
    uid: string;
    lastSeen: number;
    interval?: number;
    timeout?: number;
};
/**
 * somebody dismissed a node that went
 */
export type Dismissed = {
    type: "dismissed";
    uid: string;
};
/**
 * the whole state has been told
 */
export type Synced = {
    type: "synced";
};
export type Told = Value | NodeHere | NodeReset | NodeGone | GatewayState | Described | Liveness | Dismissed;
export type Change = Told | Synced;
