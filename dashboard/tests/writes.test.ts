// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it } from "vitest";
import { explain } from "../src/live/strings.ts";
import { MAX_WRITES, OPEN_MS, SHOWN_MS, Writes, canUndo, isSame, type Write } from "../src/live/writes.ts";

let writes: Writes;
beforeEach(() => (writes = new Writes(explain)));

const start = (uid = "a", data: unknown = "1", before: unknown = "0", nowMs = 1000): Write => writes.start(uid, "led", data, before, nowMs);
const says = (data: unknown, value = data) => ({ type: "value", uid: "a", resource: "led", data, value, at: 1 }) as const;
const shown = (): unknown[] => [...writes.byKey.values()].map(({ state, failure }) => failure ?? state);

describe("a write", () => {
  it("waits for its own outcome", () => {
    const first = start();
    const second = start("a", "0", "1");
    expect([writes.confirmed(first, 1), writes.failed(first, "offline", "")]).toEqual([false, false]);
    expect(shown()).toEqual(["pending"]);
    expect(writes.confirmed(second, 1)).toBe(true);
    expect(writes.confirmed(second, 1)).toBe(false);
    expect(shown()).toEqual(["confirmed"]);
  });

  it("is shown for a while when it was confirmed, so that it can be undone", () => {
    const write = start();
    writes.confirmed(write, 5000);
    expect(writes.expire(5000 + SHOWN_MS - 1)).toBe(false);
    expect(writes.expire(5000 + SHOWN_MS)).toBe(true);
    expect(shown()).toEqual([]);
    writes.confirmed(start(), 5000);
    expect(writes.expire(-1_000_000)).toBe(true);
  });

  it("keeps the reason of its failure until the next one, or until it was read", () => {
    const first = start();
    expect(writes.forget("a", "led")).toBe(false);
    expect(writes.failed(first, "offline", "its gateway is away")).toBe(true);
    expect(shown()).toEqual(["Not reached: its gateway is away"]);
    const second = start();
    expect(shown()).toEqual(["pending"]);
    writes.failed(second, "constructor", "");
    expect(shown()).toEqual(["It failed (constructor)."]);
    writes.notSent(start());
    expect(shown()).toEqual(["Not sent: there is no connection to the broker."]);
    expect(writes.expire(1e12)).toBe(false);
    expect([writes.forget("a", "led"), writes.forget("a", "led")]).toEqual([true, false]);
    expect(shown()).toEqual([]);
  });

  it.each(["timeout", "left"])("may have happened after %s, and is confirmed when the device says so later", (kind) => {
    const write = start();
    writes.failed(write, kind, "");
    expect([...writes.byKey.values()][0]?.state).toBe("unknown");
    expect(writes.apply(says("0"), 1)).toBe(false);
    expect(writes.apply(says("1"), 1)).toBe(true);
    expect(shown()).toEqual(["confirmed"]);
  });

  it("is not confirmed by what the device says long after", () => {
    writes.failed(start("a", "1", "0", 1000), "timeout", "");
    expect(writes.apply(says("1"), 1000 + OPEN_MS + 1)).toBe(false);
    expect(writes.apply(says("1"), 1000 + OPEN_MS)).toBe(true);
  });

  it("has an open outcome when the connection is lost", () => {
    const write = start();
    writes.failed(start("b"), "refused", "no");
    expect([writes.lost(), writes.lost()]).toEqual([true, false]);
    expect(writes.failed(write, "left", "")).toBe(false);
    expect([...writes.byKey.values()].map(({ state }) => state)).toEqual(["unknown", "failed"]);
    expect(shown()[0]).toBe("The connection was lost; it may or may not have happened.");
  });

  it("is not confirmed by what the device said before, too, nor after it was refused", () => {
    start("a", "1", 1);
    expect(writes.apply(says("1"), 1)).toBe(false);
    writes.failed(start(), "refused", "");
    expect(writes.apply(says("1"), 1)).toBe(false);
  });

  it("is confirmed by the device's own word, in its spelling or as it is read", () => {
    start("a", 21, "20 °C");
    expect(writes.apply(says("21 °C", 21 as never), 1)).toBe(true);
    start("a", { on: true }, null);
    expect(writes.apply(says({ on: true }), 1)).toBe(true);
  });

  it("goes when its node is dismissed", () => {
    start();
    start("b");
    expect(writes.apply({ type: "dismissed", uid: "b" }, 1)).toBe(true);
    expect(shown()).toEqual(["pending"]);
  });

  it("can be undone where it was confirmed and changed what is known", () => {
    const confirmed = (before: unknown): boolean => {
      const write = writes.start("a", "led", "1", before, 1000);
      const was = canUndo(write);
      writes.confirmed(write, 1);
      const now = [...writes.byKey.values()][0];
      return !was && now !== undefined && canUndo(now);
    };
    expect([confirmed("0"), confirmed(1), confirmed(undefined), confirmed(null)]).toEqual([true, false, false, true]);
  });
});

describe("writes", () => {
  it("are bounded; those under way stay", () => {
    const first = start("first");
    for (let index = 0; index < 2 * MAX_WRITES; index += 1) writes.failed(start(String(index)), "refused", "");
    expect(writes.byKey.size).toBe(MAX_WRITES);
    expect(writes.confirmed(first, 1)).toBe(true);
  });

  it("compare data as devices do", () => {
    expect([isSame(1, "1"), isSame(true, "true"), isSame({ a: [1] }, { a: [1] }), isSame(null, "null"), isSame(undefined, undefined)]).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
  });
});
