// SPDX-License-Identifier: BSD-3-Clause

/** Where there was no close. */
const WITHOUT_CLOSE = {
  unreachable: "The broker cannot be reached, or refuses this page.",
  silent: "The broker does not answer.",
  token: "The broker does not accept this access token.",
};

/** RFC 6455, section 7.4.1, and the broker's own codes (PROTOCOL.md, section 3.2), as sentences. */
const MEANING = new Map([
  [1000, "The broker closed the connection."],
  [1001, "The broker is shutting down."],
  [1002, "The broker saw a protocol error."],
  [1003, "The broker did not understand this page."],
  [1005, "The connection was closed without a reason."],
  [1006, "The connection broke."],
  [1007, "The broker saw text that is not UTF-8."],
  [1008, "The broker's rules do not allow this."],
  [1009, "A message was too big for the broker."],
  [1011, "The broker had an error of its own."],
  [1012, "The broker is restarting."],
  [1013, "The broker is overloaded."],
  [1015, "The broker's TLS certificate was not accepted."],
  [4401, "This broker wants an access token."],
  [4403, "This access token does not allow that."],
  [4409, "Somebody else has taken over this id."],
]);

export const NEEDS_TOKEN = 4401;
export const REPLACED = 4409;

/**
 * Why there is no connection, for who says it in words of their own.
 * @typedef {object} Cause
 * @property {number | "unreachable" | "silent" | "token" | null} code of a close; `unreachable`: there was none to
 *   close, `silent`: no answer, `token`: not the right one; null: there are only words
 * @property {string} words the broker's own, or the system's; may be empty
 */

/**
 * What a close says.
 * @param {number} code
 * @param {string} words
 * @param {boolean} wasOpen
 * @returns {Cause}
 */
export function causeOf(code, words, wasOpen) {
  return { code: !wasOpen && code === 1006 ? "unreachable" : code, words };
}

/**
 * A cause as a sentence; the broker's own words are added when it gave some.
 * @param {Cause} cause
 */
export function sentenceOf({ code, words }) {
  if (code === null) return words;
  const other = `The broker closed the connection with code ${String(code)}.`;
  const sentence = typeof code === "string" ? WITHOUT_CLOSE[code] : (MEANING.get(code) ?? other);
  return words === "" ? sentence : `${sentence} It says: “${words}”`;
}
