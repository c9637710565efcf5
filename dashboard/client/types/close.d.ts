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
export function causeOf(code: number, words: string, wasOpen: boolean): Cause;
/**
 * A cause as a sentence; the broker's own words are added when it gave some.
 * @param {Cause} cause
 */
export function sentenceOf({ code, words }: Cause): string;
export const NEEDS_TOKEN: 4401;
export const REPLACED: 4409;
/**
 * Why there is no connection, for who says it in words of their own.
 */
export type Cause = {
    /**
     * of a close; `unreachable`: there was none to
     * close, `silent`: no answer, `token`: not the right one; null: there are only words
     */
    code: number | "unreachable" | "silent" | "token" | null;
    /**
     * the broker's own, or the system's; may be empty
     */
    words: string;
};
