// SPDX-License-Identifier: BSD-3-Clause
import { RpcError } from "./errors.js";
import { encode } from "./limits.js";

/**
 * @typedef {string | number | null} Id
 * @typedef {1 | 2} Version
 * @typedef {readonly unknown[] | Readonly<Record<string, unknown>> | undefined} Params
 * @typedef {{ kind: "call", id: Id | undefined, method: string, params: Params, version: Version }} Call
 *   a request, or a notification: then `id` is undefined
 * @typedef {{ kind: "answer", id: unknown, result: unknown, error: RpcError | null, version: Version }} Answer
 * @typedef {{ kind: "invalid", id: Id, error: RpcError, version: Version, isAnswer: boolean }} Invalid
 */

/** Entries of a batch. */
export const MAX_BATCH = 100;

/**
 * Reads one text of JSON-RPC 2.0, or of 1.0 where it has no `jsonrpc`. Never throws.
 * @param {string} text
 * @returns {{ items: (Call | Answer | Invalid)[], isBatch: boolean }}
 */
export function parse(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    return { items: [invalid(null, RpcError.parseError(), 2)], isBatch: false };
  }
  if (!Array.isArray(found)) return { items: [parseOne(found, false)], isBatch: false };
  if (found.length === 0) return { items: [invalid(null, RpcError.invalidRequest("the batch is empty"), 2)], isBatch: false };
  if (found.length > MAX_BATCH) {
    const error = RpcError.invalidRequest(`a batch has at most ${String(MAX_BATCH)} entries`);
    return { items: [invalid(null, error, 2)], isBatch: false };
  }
  return { items: found.map((each) => parseOne(each, true)), isBatch: true };
}

/**
 * @param {unknown} found
 * @param {boolean} inBatch
 * @returns {Call | Answer | Invalid}
 */
function parseOne(found, inBatch) {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    return invalid(null, RpcError.invalidRequest("it is an object"), 2);
  }
  const has = (/** @type {string} */ key) => Object.hasOwn(found, key);
  const { jsonrpc, id, method, params } = /** @type {Record<string, unknown>} */ (found);
  /** @type {Version} */
  const version = has("jsonrpc") || inBatch ? 2 : 1;
  const plain = isId(id) ? id : null;
  if (!has("method") && (has("result") || has("error"))) return answer(/** @type {Record<string, unknown>} */ (found), version);
  if (version === 2 && jsonrpc !== "2.0") return invalid(plain, RpcError.invalidRequest('"jsonrpc" is "2.0"'), 2);
  if (version === 1 && !has("method")) return invalid(plain, RpcError.invalidRequest("it has a method"), 2);
  if (typeof method !== "string") return invalid(plain, RpcError.invalidRequest("its method is a text"), version);
  if (has("id") && plain !== id) return invalid(null, RpcError.invalidRequest("its id is a text, a number or null"), version);
  if (has("params") && (typeof params !== "object" || params === null || (version === 1 && !Array.isArray(params)))) {
    return invalid(plain, RpcError.invalidRequest("its params are an array or an object"), version);
  }
  const isNotification = version === 2 ? !has("id") : plain === null;
  return {
    kind: "call",
    id: isNotification ? undefined : plain,
    method,
    params: /** @type {Params} */ (params),
    version,
  };
}

/**
 * What can be said again just as it came: JavaScript has no whole numbers beyond 2^53.
 * @param {unknown} id
 * @returns {id is Id}
 */
function isId(id) {
  return id === null || typeof id === "string" || (typeof id === "number" && Math.abs(id) <= Number.MAX_SAFE_INTEGER);
}

/**
 * @param {Record<string, unknown>} found
 * @param {Version} version
 * @returns {Answer | Invalid}
 */
function answer(found, version) {
  const hasResult = Object.hasOwn(found, "result");
  const hasError = Object.hasOwn(found, "error") && (version === 2 || found["error"] !== null);
  const { id, result } = found;
  const isWhole = version === 1 || (found["jsonrpc"] === "2.0" && Object.hasOwn(found, "id") && hasResult !== hasError);
  if (isWhole && hasError) {
    const error = readError(found["error"], version);
    if (error !== null) return { kind: "answer", id, result: undefined, error, version };
  } else if (isWhole && hasResult) {
    return { kind: "answer", id, result, error: null, version };
  }
  const why = RpcError.invalidRequest("an answer has an id, and either a result or an error");
  return { ...invalid(isId(id) ? id : null, why, version), isAnswer: true };
}

/**
 * @param {unknown} error
 * @param {Version} version
 */
function readError(error, version) {
  if (typeof error === "object" && error !== null) {
    const { code, message, data } = /** @type {Record<string, unknown>} */ (error);
    if (Number.isInteger(code) && typeof message === "string") return new RpcError(/** @type {number} */ (code), message, data);
  }
  if (version === 2) return null;
  return new RpcError(-32000, typeof error === "string" ? error : "the peer answered with an error", error);
}

/**
 * @param {Id} id
 * @param {RpcError} error
 * @param {Version} version
 * @returns {Invalid}
 */
function invalid(id, error, version) {
  return { kind: "invalid", id, error, version, isAnswer: false };
}

/**
 * A request; a notification where `id` is undefined. Throws as `encode`.
 * @param {Id | undefined} id
 * @param {string} method
 * @param {Params} params
 * @param {Version} version
 */
export function encodeCall(id, method, params, version) {
  if (version === 2) return encode({ jsonrpc: "2.0", method, params, id });
  const positional = params === undefined ? [] : Array.isArray(params) ? params : [params];
  return encode({ method, params: positional, id: id ?? null });
}

/**
 * The answer to a request, as an object: some go out together. Throws as `encode`.
 * @param {Id} id
 * @param {unknown} result
 * @param {RpcError | null} error
 * @param {Version} version
 */
export function encodeAnswer(id, result, error, version) {
  const told = error === null ? null : { code: error.code, message: error.told, data: error.data };
  if (version === 1) return encode({ result: error === null ? (result ?? null) : null, error: told, id });
  if (told !== null) return encode({ jsonrpc: "2.0", error: told, id });
  return encode({ jsonrpc: "2.0", result: result ?? null, id });
}
