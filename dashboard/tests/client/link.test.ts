// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it } from "vitest";
import { causeOf, sentenceOf } from "../../client/close.js";
import { FIRST_DELAY_MS, GOOD_AFTER_MS, Link, LONGEST_DELAY_MS, OPEN_TIMEOUT_MS, type Status } from "../../client/link.js";
import type { Peer } from "../../client/peer.js";
import { FakeWorld } from "./fake_world.ts";

let world: FakeWorld;
let connection: Link;
let states: Status[];
let heard: unknown[];
let losses: number;
let restore: (peer: Peer) => Promise<void>;

beforeEach(() => {
  world = new FakeWorld();
  states = [];
  heard = [];
  losses = 0;
  restore = () => Promise.resolve();
  connection = make(null);
});

function make(token: string | null): Link {
  const owner = {
    methods: new Map([["hear", { call: (what: unknown) => heard.push(what), params: null }]]),
    restore: (peer: Peer) => restore(peer),
    lost: () => (losses += 1),
    status: (status: Status) => states.push(status),
  };
  return new Link("ws://broker/rpc", token, owner, world);
}

const state = (): Status | undefined => states.at(-1);

describe("a connection", () => {
  it("is there once it is what the last one was, and passes on texts only", async () => {
    let restored: () => void = () => undefined;
    restore = () => new Promise((resolve) => (restored = resolve));
    connection.connect();
    expect(state()).toEqual({ state: "connecting", after: null, cause: null });
    await world.last.opens();
    await world.last.tells("hear", [1]);
    expect(connection.peer).toBeNull();
    restored();
    await world.last.says(new ArrayBuffer(2));
    expect(state()).toEqual({ state: "connected", sinceMs: world.nowMs });
    await world.last.tells("hear", [2]);
    expect(heard).toEqual([1, 2]);
    expect(connection.peer).not.toBeNull();
  });

  it("shows its token first", async () => {
    connection = make("secret");
    connection.connect();
    await world.last.opens();
    expect(world.last.asked("session.authenticate").params).toEqual({ token: "secret" });
    expect(state()?.state).toBe("connecting");
    await world.last.answers("session.authenticate", { role: "operator" });
    expect(state()?.state).toBe("connected");
  });

  it("asks for another token where that is refused, and connects anew with it", async () => {
    connection = make("wrong");
    connection.connect();
    await world.last.opens();
    await world.last.refuses("session.authenticate", -32001, "forbidden", "no such token");
    expect(state()).toEqual({
      state: "refused",
      cause: { code: "token", words: "no such token" },
      reason: "The broker does not accept this access token. It says: “no such token”",
      needsToken: true,
    });
    expect(world.last.closed).toBe(true);
    connection.useToken("right");
    await world.last.opens();
    expect(world.last.asked("session.authenticate").params).toEqual({ token: "right" });
    await world.last.answers("session.authenticate", { role: "operator" });
    connection.useToken("other");
    expect(world.sockets).toHaveLength(3);
    expect(world.sockets[1]?.closed).toBe(true);
  });

  it("tries again where it cannot be made what the last one was", async () => {
    restore = (peer) => peer.request("nodes.watch");
    connection.connect();
    await world.last.opens();
    await world.last.refuses("nodes.watch", -32006, "busy", "too much");
    expect(state()).toMatchObject({ state: "lost", reason: "too much" });
    expect(losses).toBe(1);
    world.pass(FIRST_DELAY_MS);
    await world.last.opens();
    world.pass(OPEN_TIMEOUT_MS);
    expect(state()).toMatchObject({ state: "lost", reason: "The broker does not answer." });
    expect(losses).toBe(2);
  });

  it("ends when it is closed, and stays so", async () => {
    connection.connect();
    await world.last.opens();
    connection.close();
    expect(state()).toEqual({ state: "closed" });
    world.pass(10 * LONGEST_DELAY_MS);
    expect([world.sockets.length, world.timers.length, losses]).toEqual([1, 0, 1]);
  });

  it("does not fight for an id that somebody else has taken over", async () => {
    connection.connect();
    await world.last.opens();
    world.last.closes(4409, "");
    expect(state()).toEqual({ state: "refused", cause: { code: 4409, words: "" }, reason: "Somebody else has taken over this id.", needsToken: false });
    world.pass(10 * LONGEST_DELAY_MS);
    expect(world.sockets).toHaveLength(1);
  });

  it("is one, however often it is asked for", async () => {
    connection.connect();
    connection.connect();
    connection.hurry();
    await world.last.opens();
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

  it("starts with short delays after a connection that held, not after one that broke at once", async () => {
    connection.connect();
    const wait = (): number => {
      const lost = state();
      return lost?.state === "lost" ? lost.nextTryMs - world.nowMs : NaN;
    };
    const breaks = async (heldMs: number): Promise<number> => {
      await world.last.opens();
      world.pass(heldMs);
      world.last.closes(1012);
      const waited = wait();
      world.pass(waited);
      return waited;
    };
    expect(await breaks(10)).toBe(FIRST_DELAY_MS);
    expect(await breaks(10)).toBe(FIRST_DELAY_MS * 2);
    expect(await breaks(10)).toBe(FIRST_DELAY_MS * 4);
    expect(await breaks(GOOD_AFTER_MS)).toBe(FIRST_DELAY_MS);
  });

  it("hurries when asked to while it waits, and starts with short delays again", () => {
    connection.connect();
    for (let failure = 0; failure < 6; failure += 1) {
      world.last.closes();
      if (failure < 5) world.pass(FIRST_DELAY_MS * 2 ** failure);
    }
    expect(world.sockets).toHaveLength(6);
    connection.hurry();
    expect(state()).toEqual({ state: "connecting", after: "The broker cannot be reached, or refuses this page.", cause: { code: "unreachable", words: "" } });
    expect(world.sockets).toHaveLength(7);
    expect(world.timers).toHaveLength(1);
    world.last.closes();
    expect(state()).toMatchObject({ state: "lost", nextTryMs: world.nowMs + FIRST_DELAY_MS });
  });

  it("gives up on an attempt that nobody answers", async () => {
    connection.connect();
    const silent = world.last;
    world.pass(OPEN_TIMEOUT_MS);
    expect(silent.closed).toBe(true);
    expect(state()).toMatchObject({ state: "lost", reason: "The broker does not answer." });
    await silent.opens();
    await silent.tells("hear", ["late"]);
    silent.closes();
    expect(heard).toEqual([]);
    expect(states.filter(({ state }) => state === "lost")).toHaveLength(1);
  });

  it("stops at a refused token until there is another", async () => {
    connection.connect();
    await world.last.opens();
    world.last.closes(4401, "token needed");
    expect(state()).toEqual({ state: "refused", cause: { code: 4401, words: "token needed" }, reason: "This broker wants an access token. It says: “token needed”", needsToken: true });
    world.pass(10 * LONGEST_DELAY_MS);
    expect(world.sockets).toHaveLength(1);
    connection.hurry();
    expect(world.sockets).toHaveLength(2);
  });

  it("says what the browser does not allow", async () => {
    world.refuse = new Error("An insecure WebSocket connection may not be initiated from a page loaded over HTTPS.");
    connection.connect();
    expect(state()).toMatchObject({ state: "lost", reason: expect.stringContaining("HTTPS") as string });
    world.refuse = null;
    world.pass(FIRST_DELAY_MS);
    expect(world.sockets).toHaveLength(1);
    await world.last.opens();
    world.last.closes(4401);
    connection.hurry();
    expect(state()).toEqual({ state: "connecting", after: null, cause: null });
  });
});

describe("close reasons", () => {
  it("are sentences", () => {
    expect(sentenceOf(causeOf(1006, "", false))).toBe("The broker cannot be reached, or refuses this page.");
    expect(sentenceOf(causeOf(1006, "", true))).toBe("The connection broke.");
    expect(sentenceOf(causeOf(1008, "too slow", true))).toBe("The broker's rules do not allow this. It says: “too slow”");
    expect(sentenceOf(causeOf(4242, "", true))).toBe("The broker closed the connection with code 4242.");
  });
});
