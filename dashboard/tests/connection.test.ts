// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it } from "vitest";
import {
  Connection,
  FIRST_DELAY_MS,
  GOOD_AFTER_MS,
  LONGEST_DELAY_MS,
  OPEN_TIMEOUT_MS,
  type Socket,
  type Status,
  type World,
} from "../src/live/connection.ts";

class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
  opens(): void {
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }
  says(data: unknown): void {
    this.onmessage?.call(this as unknown as WebSocket, { data } as MessageEvent);
  }
  closes(code = 1006, reason = ""): void {
    this.onclose?.call(this as unknown as WebSocket, { code, reason } as CloseEvent);
  }
}

/** Time that moves only when told to. */
class FakeWorld implements World {
  sockets: FakeSocket[] = [];
  timers: { atMs: number; callback: () => void }[] = [];
  nowMs = 1_000_000;
  luck = 1;
  refuse: Error | null = null;

  open(): FakeSocket {
    if (this.refuse !== null) throw this.refuse;
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }
  now(): number {
    return this.nowMs;
  }
  random(): number {
    return this.luck;
  }
  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.nowMs = due.atMs;
      due.callback();
    }
    this.nowMs = endMs;
  }
  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket");
    return socket;
  }
}

let world: FakeWorld;
let connection: Connection;
let states: Status[];
let heard: string[];

beforeEach(() => {
  world = new FakeWorld();
  states = [];
  heard = [];
  const listener = {
    hello: () => "hello",
    message: (text: string) => heard.push(text),
    status: (status: Status) => states.push(status),
  };
  connection = new Connection("ws://broker/ws", listener, world);
});

const state = (): Status | undefined => states.at(-1);

describe("a connection", () => {
  it("says hello first and passes on texts only", () => {
    connection.connect();
    expect(state()).toEqual({ state: "connecting", after: null });
    expect(connection.send("too early")).toBe(false);
    world.last.opens();
    expect(state()).toEqual({ state: "connected", sinceMs: world.nowMs });
    world.last.says("one");
    world.last.says(new ArrayBuffer(2));
    expect(heard).toEqual(["one"]);
    expect(connection.send("write")).toBe(true);
    expect(world.last.sent).toEqual(["hello", "write"]);
  });

  it("is one, however often it is asked for", () => {
    connection.connect();
    connection.connect();
    connection.hurry();
    world.last.opens();
    connection.hurry();
    expect(world.sockets).toHaveLength(1);
  });

  it("tries again for ever, with bounds that double up to half a minute", () => {
    connection.connect();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const before = world.sockets.length;
      world.last.closes();
      const lost = state();
      if (lost?.state !== "lost") throw new Error("not lost");
      waits.push(lost.nextTryMs - world.nowMs);
      world.pass(lost.nextTryMs - world.nowMs - 1);
      expect(world.sockets).toHaveLength(before);
      world.pass(1);
      expect(world.sockets).toHaveLength(before + 1);
    }
    expect(waits.slice(0, 4)).toEqual([FIRST_DELAY_MS, 500, 1000, 2000]);
    expect(waits.slice(-4)).toEqual([LONGEST_DELAY_MS, LONGEST_DELAY_MS, LONGEST_DELAY_MS, LONGEST_DELAY_MS]);
  });

  it("spreads its attempts over the whole bound", () => {
    connection.connect();
    const failAndRetry = (): number => {
      world.last.closes();
      const lost = state();
      if (lost?.state !== "lost") throw new Error("not lost");
      const waited = lost.nextTryMs - world.nowMs;
      world.pass(waited);
      return waited;
    };
    for (let failure = 0; failure < 8; failure += 1) failAndRetry();
    for (const luck of [0, 0.25, 0.999]) {
      world.luck = luck;
      expect(failAndRetry()).toBe(Math.round(luck * LONGEST_DELAY_MS));
    }
  });

  it("starts with short delays after a connection that held, not after one that broke at once", () => {
    connection.connect();
    const wait = (): number => {
      const lost = state();
      return lost?.state === "lost" ? lost.nextTryMs - world.nowMs : NaN;
    };
    const breaks = (heldMs: number): number => {
      world.last.opens();
      world.pass(heldMs);
      world.last.closes(1012);
      const waited = wait();
      world.pass(waited);
      return waited;
    };
    expect(breaks(10)).toBe(FIRST_DELAY_MS);
    expect(breaks(10)).toBe(FIRST_DELAY_MS * 2);
    expect(breaks(10)).toBe(FIRST_DELAY_MS * 4);
    expect(breaks(GOOD_AFTER_MS)).toBe(FIRST_DELAY_MS);
  });

  it("hurries when asked to while it waits, and starts with short delays again", () => {
    connection.connect();
    for (let failure = 0; failure < 6; failure += 1) {
      world.last.closes();
      if (failure < 5) world.pass(FIRST_DELAY_MS * 2 ** failure);
    }
    expect(world.sockets).toHaveLength(6);
    connection.hurry();
    expect(state()).toEqual({ state: "connecting", after: "The broker cannot be reached, or refuses this page." });
    expect(world.sockets).toHaveLength(7);
    expect(world.timers).toHaveLength(1);
    world.last.closes();
    expect(state()).toMatchObject({ state: "lost", nextTryMs: world.nowMs + FIRST_DELAY_MS });
  });

  it("gives up on an attempt that nobody answers", () => {
    connection.connect();
    const silent = world.last;
    world.pass(OPEN_TIMEOUT_MS);
    expect(silent.closed).toBe(true);
    expect(state()).toMatchObject({ state: "lost", reason: "The broker does not answer." });
    silent.opens();
    silent.says("late");
    silent.closes();
    expect(heard).toEqual([]);
    expect(states.filter(({ state }) => state === "lost")).toHaveLength(1);
  });

  it("stops at a refused token until there is another", () => {
    connection.connect();
    world.last.opens();
    world.last.closes(4401, "token needed");
    expect(state()).toEqual({ state: "refused", reason: "This broker wants an access token. It says: “token needed”" });
    world.pass(10 * LONGEST_DELAY_MS);
    expect(world.sockets).toHaveLength(1);
    connection.hurry();
    expect(world.sockets).toHaveLength(2);
  });

  it("says what the browser does not allow", () => {
    world.refuse = new Error("An insecure WebSocket connection may not be initiated from a page loaded over HTTPS.");
    connection.connect();
    expect(state()).toMatchObject({ state: "lost", reason: expect.stringContaining("HTTPS") as string });
    world.refuse = null;
    world.pass(FIRST_DELAY_MS);
    expect(world.sockets).toHaveLength(1);
    world.last.opens();
    world.last.closes(4401);
    connection.hurry();
    expect(state()).toEqual({ state: "connecting", after: null });
  });
});
