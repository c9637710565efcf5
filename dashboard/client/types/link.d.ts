/**
 * The world of browsers, and of Node.js 22 or newer.
 * @param {(new (url: string) => any) | undefined} WebSocket where there is none, as in Node.js 20: that of `ws`
 * @returns {World}
 */
export function realWorld(WebSocket: (new (url: string) => any) | undefined): World;
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
export const FIRST_DELAY_MS: 250;
export const LONGEST_DELAY_MS: 30000;
export const OPEN_TIMEOUT_MS: 10000;
/** A connection that held this long was a good one: the next loss starts again with short delays. */
export const GOOD_AFTER_MS: 5000;
/** Keeps one WebSocket to the broker open, for ever. The only file here that touches a socket. */
export class Link {
    /**
     * @param {string} url
     * @param {string | null} token
     * @param {Owner} owner
     * @param {World} world
     */
    constructor(url: string, token: string | null, owner: Owner, world: World);
    /** The connection, once it is what it has to be. @type {Peer | null} */
    peer: Peer | null;
    /** Connects now, unless there is a connection or an attempt already. */
    connect(): void;
    /** Tries at once instead of waiting on: the tab is visible again, the network is back, or somebody asked. */
    hurry(): void;
    /**
     * Connects anew with this token.
     * @param {string | null} token
     */
    useToken(token: string | null): void;
    /** Ends it; `connect` begins anew. */
    close(): void;
    #private;
}
/**
 * what of a WebSocket is used
 */
export type Socket = {
    send(text: string): void;
    close(code?: number): void;
    onopen: ((event: any) => void) | null;
    onmessage: ((event: any) => void) | null;
    onclose: ((event: any) => void) | null;
    onerror: ((event: any) => void) | null;
};
/**
 * what is outside, replaced in tests
 */
export type World = {
    open(url: string): Socket;
    now(): number;
    random(): number;
    after: import("./peer.js").After;
};
export type Cause = import("./close.js").Cause;
/**
 * `reason` is `cause` as a sentence; `connecting` after what trouble; `lost` is tried again by itself; `refused` is not: it wants a token, or another
 * one, or somebody else has taken over our id
 */
export type Status = {
    state: "connecting";
    after: string | null;
    cause: Cause | null;
} | {
    state: "connected";
    sinceMs: number;
} | {
    state: "lost";
    reason: string;
    cause: Cause;
    nextTryMs: number;
} | {
    state: "refused";
    reason: string;
    cause: Cause;
    needsToken: boolean;
} | {
    state: "closed";
};
export type Owner = {
    /**
     * what the broker may call
     */
    methods: Map<string, import("./methods.js").Offer>;
    /**
     * makes a new connection what the last one was
     */
    restore: (peer: Peer) => Promise<void>;
    lost: () => void;
    status: (status: Status) => void;
};
import { Peer } from "./peer.js";
