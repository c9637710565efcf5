// SPDX-License-Identifier: BSD-3-Clause
import { RpcError } from "./errors.js";
import { checkSize } from "./limits.js";
import { encodeAnswer, encodeCall, parse } from "./messages.js";
import { positional } from "./methods.js";

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
export const MAX_CALLS = 1024;

/** @type {After} */
export const afterReal = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

/**
 * One side of a conversation in JSON-RPC 2.0 or 1.0, both ways. Pure: texts that came go in by `receive`, what goes
 * out is handed to `send`.
 *
 * Only what was offered by `method` is ever called: a name from the wire is looked up in a Map, never on an object.
 */
export class Peer {
  /** @type {(text: string) => void} */ #send;
  /** @type {After} */ #after;
  #maxBytes;
  /** @type {Map<number, { resolve: (result: unknown) => void, reject: (error: RpcError) => void, cancel: () => void }>} */
  #pending = new Map();
  #lastId = 0;
  #serving = 0;
  /** @type {string | null} */ #closed = null;
  /** @type {Map<string, Offer>} */ #methods;

  /**
   * @param {(text: string) => void} send
   * @param {{ methods?: Map<string, Offer>, version?: Version, after?: After, maxBytes?: number }} [options] `methods` may
   *   be those of other peers, too; `version` is spoken until the other side has asked for something itself; `maxBytes` of
   *   a message are what it takes
   */
  constructor(send, { methods = new Map(), version = 2, after = afterReal, maxBytes = Infinity } = {}) {
    this.#send = send;
    this.#maxBytes = maxBytes;
    this.#after = after;
    this.#methods = methods;
    /** @type {Version} */
    this.version = version;
    /** Malformed messages, and answers to nothing that was asked. */
    this.malformed = 0;
    this.unexpected = 0;
  }

  /** How many requests of ours are under way. */
  get pending() {
    return this.#pending.size;
  }

  /**
   * Offers a function to the other side. It gets the parameters by position, in the order of `params`; without those,
   * whatever comes: parameters by name as one object then.
   * @param {string} name
   * @param {Method} call
   * @param {readonly (string | Parameter)[] | null} [params]
   */
  method(name, call, params = null) {
    this.#methods.set(name, { call, params: params === null ? null : params.map(asParameter) });
    return this;
  }

  /**
   * Takes one text. Never throws.
   * @param {string} text
   */
  receive(text) {
    if (this.#closed !== null) return;
    const { items, isBatch } = parse(text);
    /** @type {Batch | null} */
    const batch = isBatch ? { answers: [], left: 1 } : null;
    for (const item of items) {
      if (item.kind === "call") this.#serve(item, batch);
      else if (item.kind === "answer") this.#answered(item.id, item.result, item.error);
      else {
        this.malformed += 1;
        if (item.isAnswer) this.#answered(item.id, undefined, item.error);
        else this.#say(encodeAnswer(item.id, undefined, item.error, item.version), batch);
      }
    }
    if (batch !== null) this.#settle(batch);
  }

  /**
   * Calls the other side. The promise is rejected with an RpcError: its answer, `timeout`, `busy`, `left` when the
   * connection is lost, or -32602: it cannot be sent.
   * @param {string} method
   * @param {Params} [params]
   * @param {number} [timeoutMs]
   * @returns {Promise<any>}
   */
  async request(method, params, timeoutMs = 30_000) {
    if (this.#closed !== null) throw RpcError.of("left", this.#closed);
    if (this.#pending.size >= MAX_CALLS) throw RpcError.of("busy", "too many calls are under way");
    const id = ++this.#lastId;
    const text = this.#encodeCall(id, method, params);
    return new Promise((resolve, reject) => {
      const cancel = this.#after(timeoutMs, () => {
        this.#pending.delete(id);
        reject(RpcError.of("timeout", "no answer in time: whether it was done is not known"));
      });
      this.#pending.set(id, { resolve, reject, cancel });
      this.#send(text);
    });
  }

  /**
   * Tells the other side; nothing comes back. Throws an RpcError: it cannot be sent.
   * @param {string} method
   * @param {Params} [params]
   */
  notify(method, params) {
    if (this.#closed === null) this.#send(this.#encodeCall(undefined, method, params));
  }

  /**
   * The connection is gone: all that is under way ends.
   * @param {string} [why]
   */
  close(why = "the connection was lost: whether it was done is not known") {
    if (this.#closed !== null) return;
    this.#closed = why;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { cancel, reject } of pending) {
      cancel();
      reject(RpcError.of("left", why));
    }
  }

  /**
   * @param {number | undefined} id
   * @param {string} method
   * @param {Params} params
   */
  #encodeCall(id, method, params) {
    try {
      return checkSize(encodeCall(id, method, params, this.version), this.#maxBytes);
    } catch (error) {
      throw RpcError.invalidParams(`it was not sent: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /**
   * @param {unknown} id
   * @param {unknown} result
   * @param {RpcError | null} error
   */
  #answered(id, result, error) {
    const waiting = typeof id === "number" ? this.#pending.get(id) : undefined;
    if (waiting === undefined) {
      this.unexpected += 1;
      return;
    }
    this.#pending.delete(/** @type {number} */ (id));
    waiting.cancel();
    if (error === null) waiting.resolve(result);
    else waiting.reject(error);
  }

  /**
   * @param {Call} call
   * @param {Batch | null} batch
   */
  #serve(call, batch) {
    this.version = call.version;
    if (batch !== null && call.id !== undefined) batch.left += 1;
    if (this.#serving >= MAX_CALLS) {
      this.#end(call, batch, undefined, RpcError.of("busy", "too many calls are under way"));
      return;
    }
    const offer = this.#methods.get(call.method);
    if (offer === undefined) {
      this.#end(call, batch, undefined, RpcError.methodNotFound(call.method));
      return;
    }
    let result;
    try {
      const { call: method, params } = offer;
      result = method(...positional(call.params, params));
    } catch (error) {
      this.#end(call, batch, undefined, asError(error));
      return;
    }
    if (!(result instanceof Promise)) {
      this.#end(call, batch, result, null);
      return;
    }
    this.#serving += 1;
    result.then(
      (value) => this.#finish(call, batch, value, null),
      (error) => this.#finish(call, batch, undefined, asError(error)),
    );
  }

  /**
   * @param {Call} call
   * @param {Batch | null} batch
   * @param {unknown} result
   * @param {RpcError | null} error
   */
  #finish(call, batch, result, error) {
    this.#serving -= 1;
    this.#end(call, batch, result, error);
  }

  /**
   * @param {Call} call
   * @param {Batch | null} batch
   * @param {unknown} result
   * @param {RpcError | null} error
   */
  #end(call, batch, result, error) {
    if (call.id === undefined || this.#closed !== null) return;
    let text;
    try {
      text = checkSize(encodeAnswer(call.id, result, error, call.version), this.#maxBytes);
    } catch (fault) {
      console.error(`what the method ${call.method} gave cannot be sent`, fault);
      text = encodeAnswer(call.id, undefined, RpcError.internal(), call.version);
    }
    this.#say(text, batch);
    if (batch !== null) this.#settle(batch);
  }

  /**
   * @param {string} text
   * @param {Batch | null} batch
   */
  #say(text, batch) {
    if (batch === null) this.#send(text);
    else batch.answers.push(text);
  }

  /** @param {Batch} batch */
  #settle(batch) {
    batch.left -= 1;
    if (batch.left === 0 && batch.answers.length > 0) this.#send(`[${batch.answers.join(",")}]`);
  }
}

/**
 * @param {string | Parameter} parameter
 * @returns {Parameter}
 */
export function asParameter(parameter) {
  return typeof parameter === "string" ? { name: parameter } : parameter;
}

/** @param {unknown} error */
function asError(error) {
  if (error instanceof RpcError) return error;
  console.error("fault in a method", error);
  return RpcError.internal();
}
