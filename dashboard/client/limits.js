// SPDX-License-Identifier: BSD-3-Clause

/** How deep a message may be nested: parameters, results and errors 14 deep (PROTOCOL.md, section 3.2). */
const MAX_DEPTH = 15;
/** The longest message that a broker takes (PROTOCOL.md, section 3.5). */
export const BROKER_BYTES = 16_384;

/**
 * A message as JSON. Throws a RangeError or TypeError for what the other side would not read: so it is a fault here, and
 * not silence there.
 * @param {unknown} message
 */
export function encode(message) {
  const text = JSON.stringify(message, (/** @type {string} */ _, /** @type {unknown} */ value) => {
    if (typeof value === "number" && !isSayable(value)) throw new RangeError(`the number ${String(value)} cannot be sent`);
    if (typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new RangeError("a text has half a character");
    return value;
  });
  if (depthOf(text) > MAX_DEPTH) throw new RangeError("it is nested too deep");
  return text;
}

/**
 * The text itself. Throws a RangeError: it has more than `maxBytes`.
 * @param {string} text
 * @param {number} maxBytes
 */
export function checkSize(text, maxBytes) {
  // No code unit of a text takes more than three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > maxBytes) throw new RangeError(`the message has ${String(bytes)} bytes, and ${String(maxBytes)} is the most`);
  return text;
}

/**
 * JSON has no NaN and no infinities, and here no integers from 2^53 on; from 1e21 on a number is not written as one.
 * @param {number} value
 */
function isSayable(value) {
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
}

/** @param {string} text */
function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (mark === "[" || mark === "{") deepest = Math.max(deepest, ++depth);
    else if (mark === "]" || mark === "}") depth -= 1;
  }
  return deepest;
}
