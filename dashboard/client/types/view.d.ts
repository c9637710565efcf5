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
    /** In which telling of everything it came last, and each of its values; how often its gateway had come back. */
    round: number;
    /** @type {Map<string, number>} */
    rounds: Map<string, number>;
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
export type NodeGone = {
    type: "gone";
    uid: string;
};
export type GatewayState = {
    type: "gateway";
    gateway: string;
    state: "connected" | "resyncing" | "away";
};
/**
 * the whole state has been told
 */
export type Synced = {
    type: "synced";
};
export type Told = Value | NodeHere | NodeReset | NodeGone | GatewayState;
export type Change = Told | Synced;
