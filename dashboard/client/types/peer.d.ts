/**
 * @param {string | Parameter} parameter
 * @returns {Parameter}
 */
export function asParameter(parameter: string | Parameter): Parameter;
/**
 * @typedef {import("./messages.js").Call} Call
 * @typedef {import("./messages.js").Params} Params
 * @typedef {import("./messages.js").Version} Version
 * @typedef {import("./methods.js").Method} Method
 * @typedef {import("./methods.js").Offer} Offer
 * @typedef {import("./methods.js").Parameter} Parameter
 * @typedef {(delayMs: number, callback: () => void) => () => void} After  a timer; what it returns cancels it
 * @typedef {{ answers: string[], left: number }} Batch
 */
/** Calls of ours, and of the other side, that may be under way. */
export const MAX_CALLS: 1024;
/** @type {After} */
export const afterReal: After;
/**
 * One side of a conversation in JSON-RPC 2.0 or 1.0, both ways. Pure: texts that came go in by `receive`, what goes
 * out is handed to `send`.
 *
 * Only what was offered by `method` is ever called: a name from the wire is looked up in a Map, never on an object.
 */
export class Peer {
    /**
     * @param {(text: string) => void} send
     * @param {{ methods?: Map<string, Offer>, version?: Version, after?: After, maxBytes?: number }} [options] `methods` may
     *   be those of other peers, too; `version` is spoken until the other side has asked for something itself; `maxBytes` of
     *   a message are what it takes
     */
    constructor(send: (text: string) => void, { methods, version, after, maxBytes }?: {
        methods?: Map<string, Offer>;
        version?: Version;
        after?: After;
        maxBytes?: number;
    });
    /** @type {Version} */
    version: Version;
    /** Malformed messages, and answers to nothing that was asked. */
    malformed: number;
    unexpected: number;
    /** How many requests of ours are under way. */
    get pending(): number;
    /**
     * Offers a function to the other side. It gets the parameters by position, in the order of `params`; without those,
     * whatever comes: parameters by name as one object then.
     * @param {string} name
     * @param {Method} call
     * @param {readonly (string | Parameter)[] | null} [params]
     */
    method(name: string, call: Method, params?: readonly (string | Parameter)[] | null): this;
    /**
     * Takes one text. Never throws.
     * @param {string} text
     */
    receive(text: string): void;
    /**
     * Calls the other side. The promise is rejected with an RpcError: its answer, `timeout`, `busy`, `left` when the
     * connection is lost, or -32602: it cannot be sent.
     * @param {string} method
     * @param {Params} [params]
     * @param {number} [timeoutMs]
     * @returns {Promise<any>}
     */
    request(method: string, params?: Params, timeoutMs?: number): Promise<any>;
    /**
     * Tells the other side; nothing comes back. Throws an RpcError: it cannot be sent.
     * @param {string} method
     * @param {Params} [params]
     */
    notify(method: string, params?: Params): void;
    /**
     * The connection is gone: all that is under way ends.
     * @param {string} [why]
     */
    close(why?: string): void;
    #private;
}
export type Call = import("./messages.js").Call;
export type Params = import("./messages.js").Params;
export type Version = import("./messages.js").Version;
export type Method = import("./methods.js").Method;
export type Offer = import("./methods.js").Offer;
export type Parameter = import("./methods.js").Parameter;
/**
 * a timer; what it returns cancels it
 */
export type After = (delayMs: number, callback: () => void) => () => void;
export type Batch = {
    answers: string[];
    left: number;
};
