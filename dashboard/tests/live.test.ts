// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { closeReason } from "../src/live/close.ts";
import { FrameQueue } from "../src/live/frames.ts";
import { History } from "../src/live/history.ts";
import { hello, parseMessage, write } from "../src/live/messages.ts";
import { WRITE_TIMEOUT_MS, Writes } from "../src/live/writes.ts";

describe("messages", () => {
  it("reads what the broker says", () => {
    const text = '{"type":"update","uid":"a","endpoint":"t","data":"1°C","value":1,"unit":"Cel","at":5,"dst":"all"}';
    expect(parseMessage(text)).toEqual({ type: "update", uid: "a", resource: "t", data: "1°C", value: 1, unit: "Cel", at: 5 });
    expect(parseMessage('{"type":"result","id":"x","ok":true}')).toEqual({ type: "result", id: "x", ok: true, code: "", reason: "" });
  });

  it("takes nothing else for a message", () => {
    for (const text of ["", "{", "null", "5", "[]", "{}", '{"type":"new"}', '{"type":"new","uid":""}', '{"type":"update","uid":"a"}', '{"type":"x","uid":"a"}']) {
      expect(parseMessage(text)).toBeNull();
    }
  });

  it("writes what the broker expects", () => {
    expect(JSON.parse(hello(null))).toEqual({ type: "new", data: "client", features: ["results", "synced"] });
    expect(JSON.parse(hello("secret"))).toMatchObject({ token: "secret" });
    expect(JSON.parse(write("7", "a", "led", "1"))).toEqual({
      type: "update",
      id: "7",
      data: { uid: "a", endpoint: "led", payload: "1" },
    });
  });
});

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
  const result = (id: string, ok: boolean, code = "", reason = ""): Parameters<Writes["apply"]>[0] => ({ type: "result", id, ok, code, reason });

  it("wait for their own outcome", () => {
    const writes = new Writes("w");
    const { id } = writes.start("a", "led", "1", 0);
    expect(writes.apply(result("other", true))).toBe(false);
    expect(writes.byKey.size).toBe(1);
    expect(writes.apply(result(id, true))).toBe(true);
    expect(writes.byKey.size).toBe(0);
  });

  it("keep the reason of a failure until the next attempt", () => {
    const writes = new Writes("w");
    const first = writes.start("a", "led", "1", 0);
    writes.apply(result(first.id, false, "offline", "its gateway is away"));
    expect([...writes.byKey.values()].map(({ failure }) => failure)).toEqual(["Not reached: its gateway is away"]);
    expect(writes.apply(result(first.id, true))).toBe(false);
    const second = writes.start("a", "led", "1", 0);
    expect(second.id).not.toBe(first.id);
    expect([...writes.byKey.values()].map(({ failure }) => failure)).toEqual([null]);
  });

  it("end at their deadline", () => {
    const writes = new Writes("w");
    expect(writes.nextDeadlineMs()).toBeNull();
    writes.start("a", "led", "1", 0);
    writes.start("b", "led", "1", 500);
    expect(writes.nextDeadlineMs()).toBe(WRITE_TIMEOUT_MS);
    expect(writes.expire(WRITE_TIMEOUT_MS - 1)).toBe(false);
    expect(writes.expire(WRITE_TIMEOUT_MS)).toBe(true);
    expect(writes.nextDeadlineMs()).toBe(WRITE_TIMEOUT_MS + 500);
    expect(writes.lost()).toBe(true);
    expect(writes.lost()).toBe(false);
    expect(writes.nextDeadlineMs()).toBeNull();
  });

  it("are confirmed by the device's own word, and go with the node", () => {
    const writes = new Writes("w");
    writes.start("a", "led", "1", 0);
    writes.start("b", "led", "1", 0);
    const says = (data: unknown) => ({ type: "update", uid: "a", resource: "led", data, value: undefined, unit: null, at: null }) as const;
    expect(writes.apply(says("0"))).toBe(false);
    expect(writes.apply(says(1))).toBe(true);
    expect(writes.apply({ type: "out", uid: "b" })).toBe(true);
    expect(writes.byKey.size).toBe(0);
  });
});

describe("close reasons", () => {
  it("are sentences", () => {
    expect(closeReason(1006, "", false)).toBe("The broker cannot be reached, or refuses this page.");
    expect(closeReason(1006, "", true)).toBe("The connection broke.");
    expect(closeReason(1008, "too slow", true)).toBe("The broker's rules do not allow this. It says: “too slow”");
    expect(closeReason(4242, "", true)).toBe("The broker closed the connection with code 4242.");
  });
});
