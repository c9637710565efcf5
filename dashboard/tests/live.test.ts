// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { FrameQueue } from "../src/live/frames.ts";
import { History } from "../src/live/history.ts";
import { Writes } from "../src/live/writes.ts";

describe("a frame queue", () => {
  const make = (limit?: number): { queue: FrameQueue<number>; batches: number[][]; paint: () => void } => {
    const batches: number[][] = [];
    const waiting: (() => void)[] = [];
    const queue = new FrameQueue<number>((items) => batches.push(items), { request: (callback) => waiting.push(callback) }, limit);
    return { queue, batches, paint: () => waiting.splice(0).forEach((callback) => callback()) };
  };

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

  it("never holds more than its limit, painted or not", () => {
    const { queue, batches, paint } = make(3);
    for (let item = 0; item < 7; item += 1) queue.push(item);
    expect(batches).toEqual([[0, 1, 2], [3, 4, 5]]);
    paint();
    expect(batches.at(-1)).toEqual([6]);
  });
});

describe("a history", () => {
  it("keeps the newest, bounded, in the order of time", () => {
    const history = new History(50);
    for (let second = 0; second < 1000; second += 1) history.push(second * 1000, second * 2);
    const [times, values] = history.columns();
    expect([...times]).toEqual(Array.from({ length: 50 }, (_, index) => 950 + index));
    expect([...values]).toEqual(Array.from({ length: 50 }, (_, index) => 2 * (950 + index)));
  });

  it("replaces a moment said again, and goes back with a clock that was set back", () => {
    const history = new History();
    for (const [at, value] of [[1000, 1], [2000, 2], [2000, 3], [9000, 4], [3000, 5]] as const) history.push(at, value);
    expect(history.columns().map((column) => [...column])).toEqual([[1, 2, 3], [1, 3, 5]]);
    history.push(-1, 9);
    expect(history.length).toBe(1);
  });
});

describe("writes", () => {
  const failures = (writes: Writes): unknown[] => [...writes.byKey.values()].map(({ failure }) => failure);

  it("wait for their own outcome", () => {
    const writes = new Writes();
    const first = writes.start("a", "led", "1");
    const second = writes.start("a", "led", "0");
    expect([writes.confirmed(first), writes.failed(first, "offline", "")]).toEqual([false, false]);
    expect(failures(writes)).toEqual([null]);
    expect(writes.confirmed(second)).toBe(true);
    expect(writes.byKey.size).toBe(0);
  });

  it("keep the reason of a failure until the next attempt", () => {
    const writes = new Writes();
    const first = writes.start("a", "led", "1");
    expect(writes.failed(first, "offline", "its gateway is away")).toBe(true);
    expect(failures(writes)).toEqual(["Not reached: its gateway is away"]);
    expect(writes.confirmed(first)).toBe(false);
    const second = writes.start("a", "led", "1");
    expect(failures(writes)).toEqual([null]);
    writes.failed(second, "constructor", "");
    expect(failures(writes)).toEqual(["It failed (constructor)."]);
    writes.notSent(writes.start("a", "led", "1"));
    expect(failures(writes)).toEqual(["Not sent: there is no connection to the broker."]);
  });

  it("have an open outcome when the connection is lost", () => {
    const writes = new Writes();
    const write = writes.start("a", "led", "1");
    expect([writes.lost(), writes.lost()]).toEqual([true, false]);
    expect(writes.failed(write, "left", "")).toBe(false);
    expect(failures(writes)).toEqual(["The connection was lost; it may or may not have happened."]);
  });

  it("are confirmed by the device's own word, and go with the node", () => {
    const writes = new Writes();
    writes.start("a", "led", "1");
    writes.start("b", "led", "1");
    const says = (data: unknown) => ({ type: "value", uid: "a", resource: "led", data, value: data, at: 1 }) as const;
    expect(writes.apply(says("0"))).toBe(false);
    expect(writes.apply(says(1))).toBe(true);
    expect(writes.apply({ type: "gone", uid: "b" })).toBe(true);
    expect(writes.byKey.size).toBe(0);
  });
});
