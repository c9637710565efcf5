// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { Fingers, wheelFactor } from "../src/gestures.ts";

describe("fingers", () => {
  it("pan, one alone", () => {
    const fingers = new Fingers();
    fingers.down(1, 100, 100);
    expect(fingers.move(1, 110, 95)).toEqual({ panX: 10, panY: -5, factor: 1, x: 110, y: 95 });
    fingers.up(1);
    expect(fingers.move(1, 120, 95)).toBeNull();
  });

  it("pinch, two of them, about their middle", () => {
    const fingers = new Fingers();
    fingers.down(1, 100, 100);
    fingers.down(2, 200, 100);
    fingers.down(3, 0, 0);
    expect(fingers.count).toBe(2);
    expect(fingers.move(2, 300, 100)).toEqual({ panX: 50, panY: 0, factor: 2, x: 200, y: 100 });
  });

  it("make nothing jump when they meet", () => {
    const fingers = new Fingers();
    fingers.down(1, 100, 100);
    fingers.down(2, 101, 100);
    expect(fingers.move(2, 300, 100)?.factor).toBe(1);
  });
});

describe("the wheel", () => {
  it("makes larger away from the reader, in steps that are bounded", () => {
    const turn = (deltaY: number, deltaMode = 0, ctrlKey = false): number => wheelFactor({ deltaY, deltaMode, ctrlKey });
    expect(turn(-100)).toBeCloseTo(1.22, 2);
    expect(turn(100)).toBeCloseTo(0.82, 2);
    expect(turn(-3, 1)).toBeCloseTo(turn(-99), 5);
    expect(turn(-1e9)).toBeLessThan(2);
    expect(turn(-10, 0, true)).toBeGreaterThan(turn(-10));
  });
});
