// SPDX-License-Identifier: BSD-3-Clause

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
 * Why a connection ended, for people; the broker's own words are added when it gave some.
 * @param {number} code
 * @param {string} reason
 * @param {boolean} wasOpen
 */
export function closeReason(code, reason, wasOpen) {
  if (!wasOpen && code === 1006) return "The broker cannot be reached, or refuses this page.";
  return withWords(MEANING.get(code) ?? `The broker closed the connection with code ${String(code)}.`, reason);
}

/**
 * Why the broker does not let us in, for people.
 * @param {boolean} hasToken
 * @param {string} reason
 */
export function refusal(hasToken, reason) {
  return withWords(hasToken ? "The broker does not accept this access token." : "This broker wants an access token.", reason);
}

/**
 * @param {string} sentence
 * @param {string} reason
 */
function withWords(sentence, reason) {
  return reason === "" ? sentence : `${sentence} It says: “${reason}”`;
}
