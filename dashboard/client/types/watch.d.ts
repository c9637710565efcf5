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
    /**
     * @param {Watched} filter
     * @param {OnChanges} onChanges
     * @param {(error: RpcError) => void} onFailure
     * @param {(watch: Watch) => void} end
     * @param {() => number} [now] our clock, Unix ms
     */
    constructor(filter: Watched, onChanges: OnChanges, onFailure: (error: RpcError) => void, end: (watch: Watch) => void, now?: () => number);
    /** What is known; may be read at any time. */
    view: View;
    /** Its number at the broker, on the present connection. @type {number | null} */
    number: number | null;
    /** Why it ended, if it did not by `close`. @type {RpcError | null} */
    failure: RpcError | null;
    /** The broker's clock minus ours, when it last answered; 0 before. */
    clockOffsetMs: number;
    /**
     * Waits until the whole state is known.
     * @returns {Promise<View>} rejected with an RpcError where it ends before
     */
    synced(): Promise<View>;
    /** Ends it. */
    close(): void;
    /**
     * Asks for it on a new connection, from where the last one was.
     * @param {Peer} peer
     * @returns {Promise<number>}
     */
    open(peer: Peer): Promise<number>;
    /**
     * The broker told something.
     * @param {Changed} told
     */
    take({ version, changes: told, synced }: Changed): void;
    /**
     * The broker does not let us have it.
     * @param {RpcError} why
     */
    fail(why: RpcError): void;
    #private;
}
export type Peer = import("./peer.js").Peer;
export type Change = import("./view.js").Change;
export type Changed = import("./told.js").Changed;
export type OnChanges = (told: {
    changes: readonly Change[];
    view: View;
}) => void;
/**
 * a text, or several of which one must be equal
 */
export type Condition = string | readonly string[];
export type Filter = {
    gateway?: Condition;
    uid?: Condition;
    resource?: Condition;
    type?: Condition;
    glob?: Condition;
};
/**
 * `details`: what resources are, and liveness, are told, too
 */
export type Watched = Filter & {
    details?: boolean;
};
import { View } from "./view.js";
import { RpcError } from "./errors.js";
