// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { leastSpan, pointAt, recent, withRoom } from "../../src/widgets/plots.ts";

describe("what a chart shows", () => {
  it("ends with the newest time, and is neither too short nor too long", () => {
    expect(recent([100], 60, 600)).toEqual([40, 100]);
    expect(recent([100, 300], 60, 600)).toEqual([100, 300]);
    expect(recent([0, 5_000], 60, 600)).toEqual([4_400, 5_000]);
    expect(recent([], 60, 600)).toEqual([-60, 0]);
  });

  it("has room around its values, and a flat line in the middle", () => {
    expect(withRoom(10, 20, 2, 0.1)).toEqual([9, 21]);
    expect(withRoom(21, 21, 2, 0.1)).toEqual([20, 22]);
  });

  it("tells of the point at the cursor, if there is one", () => {
    const data: [number[], (number | null)[]] = [[10, 20], [1.5, null]];
    const at = (idx: number | null | undefined): unknown => pointAt({ cursor: { idx }, data } as Parameters<typeof pointAt>[0]);
    expect([at(0), at(1), at(2), at(null), at(undefined)]).toEqual([{ timeS: 10, value: 1.5 }, null, null, null, null]);
  });

  it("spans what is known of the resource, else a part of its values", () => {
    expect([leastSpan(2, 1_000), leastSpan(0, -1_000), leastSpan(0, 0)]).toEqual([2, 10, 1e-9]);
  });
});
