// SPDX-License-Identifier: BSD-3-Clause

/** Cards that come and go from the page together, as one scrolls. */
export const CHUNK = 12;

/** On a card: a device may have 64 resources, and its page has them all. */
export const MAX_WIDGETS = 8;

export interface Laid {
  /** Of each card, in which column it is. */
  readonly columns: readonly number[];
  /** Of all together. */
  readonly height: number;
}

/** How many columns of at least `least` fit, with `gap` between them. Pure. */
export function columnsIn(width: number, least: number, gap: number): number {
  return Math.max(1, Math.floor((width + gap) / (least + gap)));
}

/** Puts each card where the column is shortest, in their order. Pure. */
export function lay(heights: readonly number[], count: number, gap: number): Laid {
  const ends = new Array<number>(Math.max(1, count)).fill(0);
  const columns = heights.map((height) => {
    const column = ends.indexOf(Math.min(...ends));
    ends[column] = (ends[column] ?? 0) + height + gap;
    return column;
  });
  return { columns, height: Math.max(...ends) };
}

/** A list in parts of `CHUNK`; the last may be shorter. Pure. */
export function chunked<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, index) => items.slice(index * CHUNK, (index + 1) * CHUNK));
}
