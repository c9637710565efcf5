// SPDX-License-Identifier: BSD-3-Clause

/** As much is shown at once: characters and lines, by the room there is. Must not be more than the lines of Clamp.svelte hold. */
const FITS = { card: { letters: 140, lines: 4 }, page: { letters: 600, lines: 12 } } as const;

const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Z}\u034f\u115f\u1160\u2800\u3164\uffa0]*$/u;

/** Whether a text has more than is shown at once. */
export function isLong(text: string, size: keyof typeof FITS): boolean {
  const { letters, lines } = FITS[size];
  if (text.length > letters) return true;
  let count = 1;
  for (const letter of text) if (letter === "\n" || letter === "\r" || letter === "\u2028") count += 1;
  return count > lines;
}

/** Whether nothing of a text can be seen. */
export function isInvisible(text: string): boolean {
  return INVISIBLE.test(text);
}
