// SPDX-License-Identifier: BSD-3-Clause

/** Deeper is not opened; the broker takes values 12 deep. */
export const MAX_DEPTH = 12;
/** As many items of an object or list are shown at once. */
export const PAGE_ITEMS = 200;

export interface Entry {
  readonly key: string;
  readonly value: unknown;
}

export function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

export function countOf(value: object): number {
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

/** The first items of an object or a list, with their names or numbers. */
export function entriesOf(value: object, limit: number): Entry[] {
  if (Array.isArray(value)) return value.slice(0, limit).map((item: unknown, index) => ({ key: String(index), value: item }));
  const members = value as Readonly<Record<string, unknown>>;
  return Object.keys(members)
    .slice(0, limit)
    .map((key) => ({ key, value: members[key] }));
}

const LONGEST_PREVIEW = 60;
const MOST_PREVIEWED = 6;

/** What is in a branch that is closed: `{lat: 48.7, lng: 2.2}`, cut when it is long. */
export function preview(value: object): string {
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const parts: string[] = [];
  for (const { key, value: item } of entriesOf(value, MOST_PREVIEWED)) {
    const text = isBranch(item) ? (Array.isArray(item) ? "[…]" : "{…}") : scalarText(item);
    parts.push(Array.isArray(value) ? text : `${key}: ${text}`);
  }
  if (countOf(value) > MOST_PREVIEWED) parts.push("…");
  const text = parts.join(", ");
  return `${open}${text.length > LONGEST_PREVIEW ? `${text.slice(0, LONGEST_PREVIEW)}…` : text}${close}`;
}

/** Text without quotes, so that it reads as it is; all else as in JSON. */
export function scalarText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "–");
}
