/**
 * Reads one text of JSON-RPC 2.0, or of 1.0 where it has no `jsonrpc`. Never throws.
 * @param {string} text
 * @returns {{ items: (Call | Answer | Invalid)[], isBatch: boolean }}
 */
export function parse(text: string): {
    items: (Call | Answer | Invalid)[];
    isBatch: boolean;
};
/**
 * A request; a notification where `id` is undefined. Throws as `encode`.
 * @param {Id | undefined} id
 * @param {string} method
 * @param {Params} params
 * @param {Version} version
 */
export function encodeCall(id: Id | undefined, method: string, params: Params, version: Version): string;
/**
 * The answer to a request, as an object: some go out together. Throws as `encode`.
 * @param {Id} id
 * @param {unknown} result
 * @param {RpcError | null} error
 * @param {Version} version
 */
export function encodeAnswer(id: Id, result: unknown, error: RpcError | null, version: Version): string;
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
export const MAX_BATCH: 100;
export type Id = string | number | null;
export type Version = 1 | 2;
export type Params = readonly unknown[] | Readonly<Record<string, unknown>> | undefined;
/**
 * a request, or a notification: then `id` is undefined
 */
export type Call = {
    kind: "call";
    id: Id | undefined;
    method: string;
    params: Params;
    version: Version;
};
export type Answer = {
    kind: "answer";
    id: unknown;
    result: unknown;
    error: RpcError | null;
    version: Version;
};
export type Invalid = {
    kind: "invalid";
    id: Id;
    error: RpcError;
    version: Version;
    isAnswer: boolean;
};
import { RpcError } from "./errors.js";
