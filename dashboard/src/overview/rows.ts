// SPDX-License-Identifier: BSD-3-Clause
import type { Group } from "../find/arrange.ts";

/** A line of the list: a device, or the head of a group. */
export type Line = { readonly uid: string } | { readonly key: string; readonly count: number };

/** Lines above and below those on the screen that are there, too, so that scrolling and Tab find them. */
const SPARE = 12;

/** The lines of all groups, with a head for each where they have something in common. Pure. */
export function linesOf(groups: readonly Group[], headed: boolean): readonly Line[] {
  return groups.flatMap(({ key, uids }) => [...(headed ? [{ key, count: uids.length }] : []), ...uids.map((uid) => ({ uid }))]);
}

/** Which of `count` lines of `height` are there when the window shows `size` from `top` of the list. Pure. */
export function inWindow(count: number, height: number, top: number, size: number): { first: number; end: number } {
  const first = Math.max(0, Math.min(count, Math.floor(top / height)) - SPARE);
  return { first, end: Math.min(count, Math.max(0, Math.ceil((top + size) / height)) + SPARE) };
}
