/**
 * @typedef {{ name: string, type?: string }} Parameter
 * @typedef {(result: any) => void} Callback
 */
/**
 * The functions of arip's clients, under their names, for pages that were written for it; new ones use Client.
 *
 * Parameters are given as arip takes them, as JSON, or as the values themselves. What fails is told to the error
 * callback, as a sentence. Nothing is sent before `connect`; what is asked while there is no connection waits for one.
 */
export class Arip {
    /**
     * @param {string} id one is given where it is empty
     * @param {string} type
     * @param {string} url of the broker, such as `localhost:8000`
     * @param {import("./client.js").Options} [options]
     */
    constructor(id: string, type: string, url: string, options?: import("./client.js").Options);
    /**
     * Offers a function to others, before `connect`; without `call` it is the global one of that name.
     * @param {string} name
     * @param {string | Parameter[]} params `[{"name", "type"}, …]`
     * @param {string} returnType
     * @param {(...parameters: any[]) => unknown} [call]
     */
    registerFunction(name: string, params: string | Parameter[], returnType: string, call?: (...parameters: any[]) => unknown): void;
    /** Connects, and registers with the functions offered so far. */
    connect(): Promise<void>;
    /** What we are called. */
    get id(): string;
    /** Leaves. */
    close(): void;
    /** @param {Callback} callback gets `[{"id", "type"}, …]` */
    getAllEntities(callback: Callback): Promise<void>;
    /**
     * @param {string} id
     * @param {Callback} callback gets `{"id", "type", "methods"}`, and how many observe it
     */
    getEntity(id: string, callback: Callback): Promise<void>;
    /**
     * @param {string} type
     * @param {Callback} callback gets `{"type", "idlist"}`
     */
    getEntitiesByType(type: string, callback: Callback): Promise<void>;
    /** @param {Callback} callback gets all types, sorted */
    getAllTypes(callback: Callback): Promise<void>;
    subscribeToRegistrations(): Promise<void>;
    unsubscribeFromRegistrations(): void;
    /** @param {string} id */
    subscribeTo(id: string): Promise<void>;
    /** @param {string} id */
    unsubscribeFrom(id: string): void;
    /**
     * @param {string} name
     * @param {string | any[]} params
     * @param {string} receiver
     * @param {Callback} callback
     */
    callMethod(name: string, params: string | any[], receiver: string, callback: Callback): Promise<void>;
    /** @param {unknown} content */
    publish(content: unknown): Promise<void>;
    /** @param {(error: string) => void} callback */
    setErrorCallback(callback: (error: string) => void): void;
    /** @param {(content: any, sender: string) => void} callback */
    setPublishCallback(callback: (content: any, sender: string) => void): void;
    /** @param {(event: { register: string } | { unregister: string }) => void} callback */
    setRegistrationsCallback(callback: (event: {
        register: string;
    } | {
        unregister: string;
    }) => void): void;
    #private;
}
export { Arip as arip };
export type Parameter = {
    name: string;
    type?: string;
};
export type Callback = (result: any) => void;
