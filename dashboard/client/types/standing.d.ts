/** @param {unknown} error */
export function kindOf(error: unknown): string | null;
/** What a client has asked for that goes on: watches, subscriptions, its registration. Each connection is given it. */
export class Standing {
    /** The parameters of `entities.register`, once we are an entity. @type {Record<string, unknown> | null} */
    registration: Record<string, unknown> | null;
    /** What the broker told that makes no sense here. */
    ignored: number;
    /**
     * What the broker tells, by its method.
     * @returns {Map<string, import("./methods.js").Offer>}
     */
    methods(): Map<string, import("./methods.js").Offer>;
    /**
     * Makes a new connection what the last one was. Throws an RpcError.
     * @param {Peer} peer
     */
    restore(peer: Peer): Promise<void>;
    /** The connection is gone. */
    lost(): void;
    /** @param {Watch} watch */
    beginWatch(watch: Watch): void;
    /** @param {Watch} watch */
    endWatch(watch: Watch): void;
    /** @param {Subscription} subscription */
    subscribe(subscription: Subscription): void;
    /** @param {Subscription} subscription */
    unsubscribe(subscription: Subscription): void;
    /** @param {(event: Registered) => void} listener */
    listen(listener: (event: Registered) => void): void;
    /** @param {(event: Registered) => void} listener */
    stopListening(listener: (event: Registered) => void): void;
    #private;
}
export type Peer = import("./peer.js").Peer;
export type Watch = import("./watch.js").Watch;
export type Published = import("./told.js").Published;
export type Registered = import("./told.js").Registered;
export type Subscription = {
    id: string;
    topic: string | undefined;
    listener: (published: Published) => void;
};
