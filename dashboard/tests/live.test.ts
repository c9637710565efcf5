// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { BrokerClock } from "../src/live/broker_clock.ts";
import { FrameQueue, SLICE } from "../src/live/frames.ts";
import { History, pointsOf } from "../src/live/history.ts";
import { Heartbeat } from "../src/live/heartbeat.ts";
import { Rhythm } from "../src/live/rhythm.ts";

describe("a frame queue", () => {
  interface Made {
    queue: FrameQueue<number>;
    batches: number[][];
    paint: () => void;
  }
  /** `sliceMs`: how long a slice takes. */
  const make = (limit?: number, sliceMs = 0): Made => {
    const batches: number[][] = [];
    const waiting: (() => void)[] = [];
    let nowMs = 0;
    const consume = (items: readonly number[]): void => {
      nowMs += sliceMs;
      batches.push([...items]);
    };
    const queue = new FrameQueue<number>(consume, { request: (callback) => waiting.push(callback), nowMs: () => nowMs }, limit);
    return { queue, batches, paint: () => waiting.splice(0).forEach((callback) => callback()) };
  };
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  it("hands over once per frame, in order", () => {
    const { queue, batches, paint } = make();
    for (const item of [1, 2, 3]) queue.push(item);
    expect(batches).toEqual([]);
    paint();
    queue.push(4);
    paint();
    paint();
    expect(batches).toEqual([[1, 2, 3], [4]]);
  });

  it("leaves to the next frame what would take too long, in order", () => {
    const { queue, batches, paint } = make(100_000, 5);
    for (const item of numbers(4 * SLICE)) queue.push(item);
    paint();
    expect([batches.length, queue.waiting]).toEqual([2, 2 * SLICE]);
    queue.push(-1);
    paint();
    paint();
    expect(batches.flat()).toEqual([...numbers(4 * SLICE), -1]);
    expect(queue.waiting).toBe(0);
  });

  it("never holds more than its limit, painted or not, and does little at a time", () => {
    const { queue, batches } = make(1000);
    let most = 0;
    for (const item of numbers(10_000)) {
      queue.push(item);
      most = Math.max(most, queue.waiting);
    }
    expect(most).toBeLessThan(1000);
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(SLICE);
    queue.flush();
    expect(batches.flat()).toEqual(numbers(10_000));
  });
});

describe("a history", () => {
  it("keeps the newest, bounded, in the order of time", () => {
    const history = new History({ points: 50 });
    for (let second = 0; second < 1000; second += 1) history.push(second * 1000, second * 2);
    const [times, values] = history.columns();
    expect([...times]).toEqual(Array.from({ length: 50 }, (_, index) => 950 + index));
    expect([...values]).toEqual(Array.from({ length: 50 }, (_, index) => 2 * (950 + index)));
  });

  it.each([1, 2, 7, 9, 600])("keeps its order at a limit of %d, however it grows", (limit) => {
    const history = new History({ points: limit });
    for (let second = 0; second < 3000; second += 1) {
      history.push(second * 1000, second);
      if (second % 7 === 0) expect(history.columns()[0].length).toBe(Math.min(second + 1, limit));
    }
    expect([...history.columns()[1]]).toEqual(Array.from({ length: limit }, (_, index) => 3000 - limit + index));
  });

  it("keeps less when there are more of them", () => {
    expect([0, 1, 5000, 30_000, 1e9].map(pointsOf)).toEqual([600, 600, 600, 100, 60]);
    const bound = { points: 600 };
    const history = new History(bound);
    for (let second = 0; second < 1000; second += 1) history.push(second * 1000, second);
    bound.points = 60;
    for (let second = 1000; second < 2000; second += 1) history.push(second * 1000, second);
    expect([...history.columns()[1]]).toEqual(Array.from({ length: 60 }, (_, index) => 1940 + index));
    expect(history.columns()[1].buffer.byteLength).toBeLessThan(8 * 100);
  });

  it("replaces a moment said again, and goes back with a clock that was set back", () => {
    const history = new History();
    for (const [at, value] of [[1000, 1], [2000, 2], [2000, 3], [9000, 4], [3000, 5]] as const) history.push(at, value);
    expect(history.columns().map((column) => [...column])).toEqual([[1, 2, 3], [1, 3, 5]]);
    history.push(-1, 9);
    expect(history.length).toBe(1);
  });
});

describe("a rhythm", () => {
  const learned = (...gapsMs: number[]): number | null => {
    const rhythm = new Rhythm(0);
    let atMs = 0;
    for (const gapMs of gapsMs) rhythm.note((atMs += gapMs));
    return rhythm.everyMs;
  };
  const many = (count: number, gapMs: (index: number) => number): number[] => Array.from({ length: count }, (_, index) => gapMs(index));

  it("is learned from a few gaps, and not from one", () => {
    expect([learned(), learned(30_000), learned(30_000, 30_000), learned(30_000, 30_000, 30_000)]).toEqual([null, null, null, 30_000]);
    expect(learned(...many(50, (index) => 30_000 + (index % 2) * 2000))).toBeCloseTo(31_000, -4);
  });

  it("takes the values of one message for one sign", () => {
    expect(learned(...many(60, (index) => (index % 6 === 0 ? 29_500 : 100)))).toBe(30_000);
    expect(learned(...many(60, () => 200))).toBe(1000);
  });

  it("is none where it comes as it likes", () => {
    expect(learned(...many(40, (index) => (index % 2 === 0 ? 2000 : 60_000)))).toBeNull();
  });

  it("follows a new habit, and not one long silence", () => {
    expect(learned(...many(20, () => 10_000), 3_600_000, ...many(8, () => 10_000))).toBeLessThan(16_000);
    expect(learned(...many(20, () => 10_000), ...many(30, () => 60_000))).toBeGreaterThan(50_000);
  });

  it("is not moved by a clock that was set back", () => {
    expect(learned(5000, 5000, 5000, -60_000, NaN, 5000)).toBe(5000);
  });
});

describe("the heartbeat", () => {
  it("asks who is silent, once, and again after an answer and as much silence", () => {
    const heartbeat = new Heartbeat(0);
    expect([heartbeat.ask(19_999), heartbeat.ask(20_000), heartbeat.ask(60_000)]).toEqual([false, true, false]);
    heartbeat.answered(true, 60_000);
    expect([heartbeat.ask(79_999), heartbeat.ask(80_000)]).toEqual([false, true]);
    heartbeat.answered(false, 90_000);
    expect(heartbeat.ask(90_000)).toBe(true);
    heartbeat.answered(false, 90_000);
    heartbeat.heard(95_000);
    expect(heartbeat.ask(100_000)).toBe(false);
  });
});

describe("the broker's clock", () => {
  it("goes on when this computer's is set back, and leaps with one that slept", () => {
    const clock = new BrokerClock(1_000_000, 0);
    clock.set(500, 1_000_000, 0);
    expect(clock.nowMs(1_001_000, 1000)).toBe(1_001_500);
    expect(clock.nowMs(402_000, 2000)).toBe(1_002_500);
    expect(clock.leaptMs).toBe(0);
    expect(clock.nowMs(1_003_000, 3000)).toBe(1_603_500);
    expect(clock.leaptMs).toBe(600_000);
    expect(clock.nowMs(1_004_000, 4000)).toBe(1_604_500);
    expect(clock.leaptMs).toBe(0);
    clock.set(0, 1_004_000, 4000);
    expect(clock.nowMs(1_005_000, 5000)).toBe(1_005_000);
  });
});
