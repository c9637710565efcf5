// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, test } from "vitest";
import { CHUNK, chunked, columnsIn, lay } from "../src/overview/masonry.ts";
import { inWindow, linesOf } from "../src/overview/rows.ts";
import { place } from "../src/popover/place.ts";

describe("cards in columns", () => {
  test.each([
    [0, 1],
    [320, 1],
    [655, 1],
    [656, 2],
    [1216, 3],
    [3840, 11],
  ])("%i pixels have room for %i", (width, count) => expect(columnsIn(width, 320, 16)).toBe(count));

  test("each goes where the column is shortest, the left one of equals", () => {
    expect(lay([100, 300, 100, 50, 100], 3, 10)).toEqual({ columns: [0, 1, 2, 0, 2], height: 310 });
    expect(lay([10, 20], 1, 5)).toEqual({ columns: [0, 0], height: 40 });
    expect(lay([], 4, 5)).toEqual({ columns: [], height: 0 });
  });

  test("chunks are all of a list, in its order", () => {
    const items = Array.from({ length: 2 * CHUNK + 3 }, (_, index) => index);
    expect(chunked(items).map(({ length }) => length)).toEqual([CHUNK, CHUNK, 3]);
    expect(chunked(items).flat()).toEqual(items);
    expect(chunked([])).toEqual([]);
  });
});

describe("lines of the list", () => {
  const groups = [
    { key: "late", uids: ["a", "b"] },
    { key: "", uids: ["c"] },
  ];
  test("have heads where there are groups", () => {
    expect(linesOf(groups, false)).toEqual([{ uid: "a" }, { uid: "b" }, { uid: "c" }]);
    expect(linesOf(groups, true)).toEqual([{ key: "late", count: 2 }, { uid: "a" }, { uid: "b" }, { key: "", count: 1 }, { uid: "c" }]);
  });
  test.each([
    [5000, 0, { first: 0, end: 32 }],
    [5000, 20_000, { first: 488, end: 532 }],
    [5000, 1e9, { first: 4988, end: 5000 }],
    [10, -300, { first: 0, end: 10 }],
    [0, 0, { first: 0, end: 0 }],
  ])("of %i from %i on", (count, top, expected) => expect(inWindow(count, 40, top, 800)).toEqual(expected));
});

describe("a panel beside its button", () => {
  const window = { width: 1000, height: 800 };
  const at = (left: number, top: number): { left: number; top: number; right: number; bottom: number } => ({ left, top, right: left + 100, bottom: top + 30 });
  test("is below, in line with it", () => expect(place(at(50, 100), { width: 200, height: 300 }, window)).toMatchObject({ left: 50, top: 136 }));
  test("has its right edge at the button's at the right", () => expect(place(at(890, 100), { width: 200, height: 300 }, window)).toMatchObject({ left: 790 }));
  test("is above where there is more room", () => expect(place(at(50, 700), { width: 200, height: 300 }, window)).toMatchObject({ top: 394 }));
  test.each([
    [at(0, 10), { width: 5000, height: 5000 }],
    [at(950, 770), { width: 400, height: 5000 }],
  ])("stays in the window %#", (button, panel) => {
    const { left, top, maxHeight } = place(button, panel, window);
    expect(left).toBeGreaterThanOrEqual(6);
    expect(top).toBeGreaterThanOrEqual(0);
    expect(top + Math.min(panel.height, maxHeight)).toBeLessThanOrEqual(window.height);
  });
});
