// SPDX-License-Identifier: BSD-3-Clause
import { RpcError } from "./errors.js";

/**
 * @typedef {(...parameters: any[]) => unknown} Method  what it returns, or what its promise does, is the result
 * @typedef {{ name: string, type?: string, description?: string, required?: boolean }} Parameter
 * @typedef {{ call: Method, params: readonly Parameter[] | null }} Offer
 *   `params` is null where it takes whatever comes: parameters by name are one object then
 */

/** What parameters are checked for; any other type is a word for people. @type {Map<string, (value: unknown) => boolean>} */
const CHECKS = new Map([
  ["string", (value) => typeof value === "string"],
  ["number", (value) => typeof value === "number"],
  ["integer", Number.isInteger],
  ["boolean", (value) => typeof value === "boolean"],
  ["array", Array.isArray],
  ["object", (value) => typeof value === "object" && value !== null && !Array.isArray(value)],
]);

/**
 * The parameters of a call by position. Throws an RpcError, -32602, where they are not those that were declared.
 * @param {import("./messages.js").Params} params
 * @param {readonly Parameter[] | null} declared
 * @returns {unknown[]}
 */
export function positional(params, declared) {
  if (declared === null) return params === undefined ? [] : Array.isArray(params) ? params : [params];
  const given = params === undefined ? [] : Array.isArray(params) ? params : byName(/** @type {Record<string, unknown>} */ (params), declared);
  if (given.length > declared.length) {
    throw RpcError.invalidParams(`it takes ${String(declared.length)} parameters, and not ${String(given.length)}`);
  }
  declared.forEach(({ name, type = "", required = true }, place) => {
    const value = given[place];
    if (value === undefined) {
      if (required) throw RpcError.invalidParams(`${name} is missing`);
    } else if (CHECKS.get(type)?.(value) === false) {
      throw RpcError.invalidParams(`${name}: expected ${type}`);
    }
  });
  return given;
}

/**
 * @param {Record<string, unknown>} params
 * @param {readonly Parameter[]} declared
 * @returns {unknown[]}
 */
function byName(params, declared) {
  const names = declared.map(({ name }) => name);
  for (const name of Object.keys(params)) {
    if (!names.includes(name)) throw RpcError.invalidParams(`there is no parameter ${name.slice(0, 64)}`);
  }
  return names.map((name) => (Object.hasOwn(params, name) ? params[name] : undefined));
}
