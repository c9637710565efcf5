// SPDX-License-Identifier: BSD-3-Clause

/**
 * @typedef {import("./view.js").Told} Told
 * @typedef {string | number} Version  a bookmark of the broker's, to be given back as it is
 * @typedef {{ watch: number, version: Version, changes: Told[], synced: boolean }} Changed
 * @typedef {{ id: string, topic?: string, content: any, skipped?: number }} Published
 * @typedef {{ id: string, type?: string, kind?: string, left: boolean }} Registered  `left`: it is gone
 */

/** What may be said about a resource, beside `choices`. */
const TEXTS = ["title", "unit", "rt", "if", "ct"];
const NUMBERS = ["min", "max", "step"];
const GATEWAY_STATES = new Set(["connected", "resyncing", "away"]);

/**
 * The parameters of `nodes.changed` (PROTOCOL.md, section 3.5); null where they are none. What is no change, or one of
 * a kind that is not known here, is left out. Pure, and never throws.
 * @param {any} params
 * @returns {Changed | null}
 */
export function readChanged(params) {
  if (typeof params?.watch !== "number" || !Array.isArray(params.changes)) return null;
  const { watch, version, changes, synced } = params;
  if (typeof version !== "string" && typeof version !== "number") return null;
  return { watch, version, changes: changes.filter(isTold), synced: synced === true };
}

/**
 * @param {any} change
 * @returns {change is Told}
 */
function isTold(change) {
  const type = change?.type;
  if (type === "gateway") return typeof change.gateway === "string" && GATEWAY_STATES.has(change.state);
  if (typeof change?.uid !== "string" || change.uid === "") return false;
  if (type === "reset" || type === "dismissed") return true;
  if (type === "gone") return isMaybe("string", change.why) && isMaybe("number", change.at);
  if (type === "about") return typeof change.resource === "string" && isAbout(change.about);
  if (type === "liveness") {
    return Number.isFinite(change.lastSeen) && isMaybe("number", change.interval) && isMaybe("number", change.timeout);
  }
  if (type === "node") return [change.gateway, change.protocol].every((each) => typeof each === "string");
  if (type !== "value" || typeof change.resource !== "string" || !Number.isFinite(change.at)) return false;
  return change.unit === undefined || typeof change.unit === "string";
}

/**
 * @param {any} about
 * @returns {about is import("./view.js").About}
 */
function isAbout(about) {
  if (typeof about !== "object" || about === null || Array.isArray(about)) return false;
  if (about.choices !== undefined && !(Array.isArray(about.choices) && about.choices.every(isChoice))) return false;
  if (!isMaybe("boolean", about.writable)) return false;
  return TEXTS.every((name) => isMaybe("string", about[name])) && NUMBERS.every((name) => isMaybe("number", about[name]));
}

/** @param {unknown} choice */
function isChoice(choice) {
  return ["string", "number", "boolean"].includes(typeof choice);
}

/**
 * @param {string} type
 * @param {unknown} value
 */
function isMaybe(type, value) {
  return value === undefined || typeof value === type;
}

/**
 * The parameters of `entities.published`; null where they are none.
 * @param {any} params
 * @returns {Published | null}
 */
export function readPublished(params) {
  return typeof params?.id === "string" ? params : null;
}

/**
 * The parameters of `entities.registered` and `entities.left`; null where they are none.
 * @param {any} params
 * @param {boolean} left
 * @returns {Registered | null}
 */
export function readRegistered(params, left) {
  return typeof params?.id === "string" ? { ...params, left } : null;
}
