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
export const DEVICE_MS: 10000;
export const MARGIN_MS: 5000;
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
    /**
     * @param {string} address such as `localhost:8000`, or `https://example.org/iot`
     * @param {Options} [options]
     */
    constructor(address: string, { token, onStatus, WebSocket, world }?: Options);
    /** @type {Status} */ status: Status;
    /** Tries to connect at once instead of waiting on; also after `close`, or what was refused. */
    hurry(): void;
    /**
     * Connects anew with this token.
     * @param {string | null} token
     */
    useToken(token: string | null): void;
    /** Leaves. */
    close(): void;
    /**
     * All nodes that the filter lets through, by uid.
     * @param {Filter} [filter]
     * @returns {Promise<NodeInfo[]>}
     */
    nodes(filter?: Filter): Promise<NodeInfo[]>;
    /**
     * @param {string} uid
     * @returns {Promise<NodeInfo>}
     */
    node(uid: string): Promise<NodeInfo>;
    /**
     * Nodes that went, as they were last known, by uid, until they are back or dismissed.
     * @returns {Promise<NodeInfo[]>}
     */
    departed(): Promise<NodeInfo[]>;
    /**
     * Forgets that a node was there which went; rejected (`unknown`) where none is called so.
     * @param {string} uid
     * @returns {Promise<true>}
     */
    dismiss(uid: string): Promise<true>;
    /**
     * The gateways, by name, and where devices come in.
     * @returns {Promise<GatewayInfo[]>}
     */
    gateways(): Promise<GatewayInfo[]>;
    /**
     * Watches what the filter lets through: the state first, then what changes. `onChanges` gets what is news; the view
     * is what is known. `onFailure` is called where the broker does not let us.
     * @param {Watched} filter
     * @param {import("./watch.js").OnChanges} [onChanges]
     * @param {(error: RpcError) => void} [onFailure]
     * @returns {Watch} `close()` ends it
     */
    watch(filter: Watched, onChanges?: import("./watch.js").OnChanges, onFailure?: (error: RpcError) => void): Watch;
    /**
     * Has a device take a value; what it confirmed, null if it reports none.
     * @param {string} uid
     * @param {string} resource
     * @param {unknown} data
     * @returns {Promise<Reading | null>}
     */
    write(uid: string, resource: string, data: unknown): Promise<Reading | null>;
    /**
     * Asks a device for a value now.
     * @param {string} uid
     * @param {string} resource
     * @returns {Promise<Reading>}
     */
    read(uid: string, resource: string): Promise<Reading>;
    /**
     * Offers a function to others; before `register`. It gets its parameters by position, and may return a promise.
     * @param {string} name
     * @param {import("./methods.js").Method} call
     * @param {About} [about]
     */
    method(name: string, call: import("./methods.js").Method, about?: About): this;
    /**
     * Becomes an entity, with the methods offered so far; again: with others. `token` makes an id ours again.
     * @param {As} [as] without an id a fresh one is given
     * @returns {Promise<Registration>}
     */
    register(as?: As): Promise<Registration>;
    /** What we are; null if we are no entity, or not any more. */
    get registration(): Registration | null;
    /** @returns {Promise<true>} */
    unregister(): Promise<true>;
    /**
     * Publishes as the entity that we registered.
     * @param {unknown} content
     * @param {string} [topic]
     * @returns {Promise<{ subscribers: number }>} how many were told
     */
    publish(content: unknown, topic?: string): Promise<{
        subscribers: number;
    }>;
    /**
     * Those that are there, by id.
     * @param {{ type?: string, kind?: "peer" | "device" }} [filter]
     * @returns {Promise<{ id: string, type: string, kind: "peer" | "device" }[]>}
     */
    entities(filter?: {
        type?: string;
        kind?: "peer" | "device";
    }): Promise<{
        id: string;
        type: string;
        kind: "peer" | "device";
    }[]>;
    /**
     * @param {string} id
     * @returns {Promise<{ id: string, uid: string, kind: "peer" | "device", type: string, description?: string,
     *   methods: { name: string, params?: Parameter[], result?: { type?: string } }[], topics: string[], subscribers: number }>}
     */
    entity(id: string): Promise<{
        id: string;
        uid: string;
        kind: "peer" | "device";
        type: string;
        description?: string;
        methods: {
            name: string;
            params?: Parameter[];
            result?: {
                type?: string;
            };
        }[];
        topics: string[];
        subscribers: number;
    }>;
    /**
     * Calls a method of an entity; what it answers.
     * @param {string} id
     * @param {string} method
     * @param {readonly unknown[] | Readonly<Record<string, unknown>>} [params] by position, or by name
     * @param {number} [timeoutMs] at most 60,000
     */
    call(id: string, method: string, params?: readonly unknown[] | Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<any>;
    /**
     * Hears what an entity publishes: all topics where none is given.
     * @param {string} id
     * @param {(published: Published) => void} listener
     * @param {string} [topic]
     * @returns {Promise<() => void>} ends it
     */
    subscribe(id: string, listener: (published: Published) => void, topic?: string): Promise<() => void>;
    /**
     * Hears which entities come and go.
     * @param {(event: Registered) => void} listener
     * @returns {Promise<() => void>} ends it
     */
    watchRegistrations(listener: (event: Registered) => void): Promise<() => void>;
    /**
     * Any method of the broker (`rpc.discover` lists them). While there is no connection it waits for one.
     * @param {string} method
     * @param {Readonly<Record<string, unknown>>} [params]
     * @param {number} [timeoutMs] how long the broker itself may wait
     * @returns {Promise<any>}
     */
    request(method: string, params?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<any>;
    #private;
}
export type Peer = import("./peer.js").Peer;
export type Parameter = import("./methods.js").Parameter;
export type Status = import("./link.js").Status;
export type Filter = import("./watch.js").Filter;
export type Watched = import("./watch.js").Watched;
export type Published = import("./told.js").Published;
export type Registered = import("./told.js").Registered;
export type Reading = {
    data: unknown;
    value: unknown;
    unit?: string;
    at: number;
};
export type NodeInfo = {
    uid: string;
    gateway: string;
    protocol: string;
    state: "online" | "unreachable" | "gone";
    firstSeen: number;
    lastSeen: number;
    interval?: number;
    timeout?: number;
    values: Record<string, Reading>;
    about?: Record<string, import("./view.js").About>;
    why?: string;
    goneAt?: number;
};
export type GatewayInfo = {
    gateway: string;
    state: "connected" | "resyncing" | "away";
    nodes: number;
    address?: string;
    doors: {
        scheme: string;
        port: number;
        host?: string;
        path?: string;
    }[];
};
/**
 * what others are told of a method
 */
export type About = {
    description?: string;
    params?: readonly (string | Parameter)[];
    result?: {
        type?: string;
        description?: string;
    };
};
export type As = {
    id?: string;
    type?: string;
    description?: string;
    token?: string;
};
export type Registration = {
    id: string;
    uid: string;
    token: string;
};
export type Options = {
    /**
     * where the broker wants one
     */
    token?: string | null;
    /**
     * called at each change of the connection
     */
    onStatus?: (status: Status) => void;
    /**
     * where there is none, as in Node.js 20: that of the package ws
     */
    WebSocket?: new (url: string) => any;
    /**
     * for tests
     */
    world?: import("./link.js").World;
};
import { RpcError } from "./errors.js";
import { Watch } from "./watch.js";
