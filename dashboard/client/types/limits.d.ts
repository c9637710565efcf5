/**
 * A message as JSON. Throws a RangeError or TypeError for what the other side would not read: so it is a fault here, and
 * not silence there.
 * @param {unknown} message
 */
export function encode(message: unknown): string;
/**
 * The text itself. Throws a RangeError: it has more than `maxBytes`.
 * @param {string} text
 * @param {number} maxBytes
 */
export function checkSize(text: string, maxBytes: number): string;
/** The longest message that a broker takes (PROTOCOL.md, section 3.5). */
export const BROKER_BYTES: 16384;
