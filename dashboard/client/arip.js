// SPDX-License-Identifier: BSD-3-Clause
import { Client } from "./client.js";

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
  /** @type {Client | null} */ #client = null;
  #id;
  #type;
  #url;
  #options;
  /** @type {Map<string, { call: (...parameters: any[]) => unknown, params: Parameter[], returnType: string }>} */
  #functions = new Map();
  /** @type {Map<string, () => void>} */ #subscriptions = new Map();
  /** @type {(() => void) | null} */ #registrations = null;
  /** @type {(error: string) => void} */ #onError = (error) => console.error(error);
  /** @type {(content: any, sender: string) => void} */ #onPublish = () => undefined;
  /** @type {(event: { register: string } | { unregister: string }) => void} */ #onRegistration = () => undefined;

  /**
   * @param {string} id one is given where it is empty
   * @param {string} type
   * @param {string} url of the broker, such as `localhost:8000`
   * @param {import("./client.js").Options} [options]
   */
  constructor(id, type, url, options = {}) {
    this.#id = id;
    this.#type = type;
    this.#url = url;
    this.#options = options;
  }

  /**
   * Offers a function to others, before `connect`; without `call` it is the global one of that name.
   * @param {string} name
   * @param {string | Parameter[]} params `[{"name", "type"}, …]`
   * @param {string} returnType
   * @param {(...parameters: any[]) => unknown} [call]
   */
  registerFunction(name, params, returnType, call = Reflect.get(globalThis, name)) {
    if (typeof call !== "function") throw new TypeError(`there is no function ${name}`);
    this.#functions.set(name, { call, params: read(params), returnType });
  }

  /** Connects, and registers with the functions offered so far. */
  async connect() {
    const client = (this.#client ??= new Client(this.#url, this.#options));
    for (const [name, { call, params, returnType }] of this.#functions) {
      client.method(name, call, { params, result: { type: returnType } });
    }
    const named = this.#id === "" ? {} : { id: this.#id };
    await this.#tell(client.register({ ...named, type: this.#type }), ({ id }) => (this.#id = id));
  }

  /** What we are called. */
  get id() {
    return this.#id;
  }

  /** Leaves. */
  close() {
    this.#client?.close();
    this.#client = null;
  }

  /** @param {Callback} callback gets `[{"id", "type"}, …]` */
  getAllEntities(callback) {
    return this.#ask((client) => client.entities(), (all) => callback(all.map(({ id, type }) => ({ id, type }))));
  }

  /**
   * @param {string} id
   * @param {Callback} callback gets `{"id", "type", "methods"}`, and how many observe it
   */
  getEntity(id, callback) {
    return this.#ask(
      (client) => client.entity(id),
      ({ id, type, methods, subscribers }) => callback({ id, type, observers: subscribers, methods: methods.map(described) }),
    );
  }

  /**
   * @param {string} type
   * @param {Callback} callback gets `{"type", "idlist"}`
   */
  getEntitiesByType(type, callback) {
    return this.#ask((client) => client.request("entities.byType", { type }), (idlist) => callback({ type, idlist }));
  }

  /** @param {Callback} callback gets all types, sorted */
  getAllTypes(callback) {
    return this.#ask((client) => client.request("entities.types"), callback);
  }

  subscribeToRegistrations() {
    return this.#ask(
      async (client) => {
        this.#registrations ??= await client.watchRegistrations(({ id, left }) =>
          this.#onRegistration(left ? { unregister: id } : { register: id }),
        );
      },
      () => undefined,
    );
  }

  unsubscribeFromRegistrations() {
    this.#registrations?.();
    this.#registrations = null;
  }

  /** @param {string} id */
  subscribeTo(id) {
    return this.#ask(
      async (client) => {
        if (this.#subscriptions.has(id)) return;
        const end = await client.subscribe(id, ({ content }) => this.#onPublish(content, id));
        this.#subscriptions.get(id)?.();
        this.#subscriptions.set(id, end);
      },
      () => undefined,
    );
  }

  /** @param {string} id */
  unsubscribeFrom(id) {
    this.#subscriptions.get(id)?.();
    this.#subscriptions.delete(id);
  }

  /**
   * @param {string} name
   * @param {string | any[]} params
   * @param {string} receiver
   * @param {Callback} callback
   */
  callMethod(name, params, receiver, callback) {
    return this.#ask((client) => client.call(receiver, name, read(params)), callback);
  }

  /** @param {unknown} content */
  publish(content) {
    return this.#ask((client) => client.publish(content), () => undefined);
  }

  /** @param {(error: string) => void} callback */
  setErrorCallback(callback) {
    this.#onError = callback;
  }

  /** @param {(content: any, sender: string) => void} callback */
  setPublishCallback(callback) {
    this.#onPublish = callback;
  }

  /** @param {(event: { register: string } | { unregister: string }) => void} callback */
  setRegistrationsCallback(callback) {
    this.#onRegistration = callback;
  }

  /**
   * @template Result
   * @param {(client: Client) => Promise<Result>} what
   * @param {(result: Result) => void} callback
   */
  #ask(what, callback) {
    if (this.#client === null) {
      this.#onError("there is no connection: connect first");
      return Promise.resolve();
    }
    return this.#tell(what(this.#client), callback);
  }

  /**
   * @template Result
   * @param {Promise<Result>} promise
   * @param {(result: Result) => void} callback
   */
  async #tell(promise, callback) {
    let result;
    try {
      result = await promise;
    } catch (error) {
      this.#onError(error instanceof Error ? error.message : String(error));
      return;
    }
    callback(result);
  }
}

export { Arip as arip };

/** @param {string | any[]} params */
function read(params) {
  return typeof params === "string" ? JSON.parse(params === "" ? "[]" : params) : params;
}

/** @param {{ name: string, params?: Parameter[], result?: { type?: string } }} method */
function described({ name, params = [], result = {} }) {
  return { methodName: name, parameters: params.map(({ name, type = "" }) => ({ name, type })), returnType: result.type ?? "" };
}
