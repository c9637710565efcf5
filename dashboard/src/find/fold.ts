// SPDX-License-Identifier: BSD-3-Clause

/** A text as it is searched: without case, accents and forms of letters, so that `Hétre` is found by `HETRE`. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}

/** The words of a search, folded; a search of more than `MAX_WORDS` looks for the first ones. */
export function words(text: string): readonly string[] {
  return fold(text)
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, MAX_WORDS);
}

export const MAX_WORDS = 8;
