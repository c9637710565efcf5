/**
 * Why a connection ended, for people; the broker's own words are added when it gave some.
 * @param {number} code
 * @param {string} reason
 * @param {boolean} wasOpen
 */
export function closeReason(code: number, reason: string, wasOpen: boolean): string;
/**
 * Why the broker does not let us in, for people.
 * @param {boolean} hasToken
 * @param {string} reason
 */
export function refusal(hasToken: boolean, reason: string): string;
export const NEEDS_TOKEN: 4401;
export const REPLACED: 4409;
