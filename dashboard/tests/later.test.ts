// SPDX-License-Identifier: BSD-3-Clause
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FIRST_PAUSE_MS, GREATEST_PAUSE_MS, later } from "../src/later.ts";

describe("what is loaded later", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is loaded when it is first asked for, and once", async () => {
    let loads = 0;
    const part = later(() => Promise.resolve(++loads));
    expect(loads).toBe(0);
    expect(await Promise.all([part(), part()])).toEqual([1, 1]);
    expect(await part()).toBe(1);
  });

  test("is tried again after ever longer pauses, up to the greatest, until it is there", async () => {
    const times: number[] = [];
    const part = later(() => {
      times.push(Date.now());
      return times.length < 10 ? Promise.reject(new TypeError("Failed to fetch")) : Promise.resolve("there");
    });
    const loaded = part();
    await vi.runAllTimersAsync();
    expect(await loaded).toBe("there");
    const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(pauses.slice(0, 3)).toEqual([FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]);
    expect(pauses.at(-1)).toBe(GREATEST_PAUSE_MS);
  });
});
