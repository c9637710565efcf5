// SPDX-License-Identifier: BSD-3-Clause
import { afterEach, describe, expect, it } from "vitest";
import { History } from "../src/live/history.ts";
import { isStale, livenessOf } from "../src/live/liveness.ts";
import { livenessParts, livenessText } from "../src/live/liveness_text.ts";
import type { Node, Resource } from "../src/live/model.ts";
import { Rhythm } from "../src/live/rhythm.ts";
import { prefs } from "../src/prefs.svelte.ts";

const node = (extra: Partial<Node> = {}): Node => ({
  uid: "coap/1",
  gateway: "coap",
  protocol: "CoAP",
  state: "online",
  firstSeenMs: 0,
  lastSeenMs: 100_000,
  intervalMs: 30_000,
  heardEveryMs: null,
  timeoutMs: null,
  gone: null,
  unreachableMs: null,
  resources: new Map(),
  ...extra,
});

const resource = (atMs: number, everyMs: number | null, extra: Partial<Resource> = {}): Resource => {
  const rhythm = new Rhythm(0);
  if (everyMs !== null) for (let gap = 1; gap <= 4; gap += 1) rhythm.note(gap * everyMs);
  return { name: "t", data: 1, number: 1, value: 1, unit: null, atMs, about: {}, history: new History(), rhythm, ...extra };
};

afterEach(() => (prefs.language = "system"));

describe("a node", () => {
  const stateAfter = (silenceMs: number, extra: Partial<Node> = {}): string => livenessOf(node(extra), 100_000 + silenceMs).state;

  it("is late after two and a half of its intervals", () => {
    expect([stateAfter(75_000), stateAfter(75_001)]).toEqual(["online", "late"]);
    expect(livenessOf(node(), 200_000)).toEqual({ state: "late", why: "silent", sinceMs: 175_000, lastMs: 100_000, intervalMs: 30_000 });
  });

  it("is never late before five seconds, nor before signs without a value would have been told", () => {
    expect([stateAfter(5000, { intervalMs: 1000, heardEveryMs: 1000 }), stateAfter(5001, { intervalMs: 1000, heardEveryMs: 1000 })]).toEqual(["online", "late"]);
    expect([stateAfter(25_000, { intervalMs: 1000 }), stateAfter(25_001, { intervalMs: 1000 })]).toEqual(["online", "late"]);
  });

  it("without a rhythm is late when its gateway's patience is over, or never", () => {
    expect([stateAfter(60_001, { intervalMs: null, timeoutMs: 60_000 }), stateAfter(1e9, { intervalMs: null })]).toEqual(["late", "online"]);
    expect(stateAfter(1e9, { lastSeenMs: null })).toBe("online");
  });

  it("is unreachable or gone as the broker says, whatever the time", () => {
    expect(livenessOf(node({ state: "unreachable", unreachableMs: 5 }), 1e9)).toMatchObject({ state: "unreachable", why: "gateway", sinceMs: 5 });
    expect(livenessOf(node({ state: "gone", gone: { why: "closed", atMs: 7 } }), 0)).toMatchObject({ state: "gone", why: "closed", sinceMs: 7 });
  });

  it("is not blamed for a silence that is ours", () => {
    expect(livenessOf(node(), 1e9, 110_000)).toMatchObject({ state: "unreachable", why: "connection", sinceMs: 110_000 });
    // A node that says nothing of itself while it is there may be gone by now, too; an hour between two values is no alibi.
    for (const intervalMs of [30_000, 3_600_000, null]) {
      const at = (nowMs: number): unknown => livenessOf(node({ intervalMs }), nowMs, 110_000).state;
      expect([at(115_000), at(115_001)]).toEqual(["online", "unreachable"]);
    }
    expect(livenessOf(node(), 1e9, 180_000)).toMatchObject({ state: "late", why: "silent" });
  });
});

describe("a value", () => {
  const stale = (ageMs: number, everyMs: number | null, extra: Partial<Resource> = {}, of: Partial<Node> = {}, lostMs: number | null = null): boolean => {
    const nowMs = 1e9;
    return isStale(resource(nowMs - ageMs, everyMs, extra), node({ lastSeenMs: nowMs, ...of }), nowMs, lostMs);
  };

  it("is old when its own rhythm made a newer one likely, and its node's did", () => {
    expect([stale(14_000, 10_000, {}, { intervalMs: null }), stale(26_000, 10_000, {}, { intervalMs: null })]).toEqual([false, true]);
    expect([stale(26_000, 10_000), stale(76_000, 10_000)]).toEqual([false, true]);
  });

  it("without a rhythm holds while its node is there, a measurement for an hour", () => {
    expect(stale(1e8, null)).toBe(false);
    expect([stale(3_599_000, null, { unit: "Cel" }), stale(3_601_000, null, { unit: "Cel" })]).toEqual([false, true]);
  });

  it("of a node that is not online is old, and so is everything without a connection", () => {
    for (const state of ["unreachable", "gone"] as const) expect(stale(0, null, {}, { state })).toBe(true);
    expect(stale(0, null, {}, { lastSeenMs: 1e9 - 100_000 })).toBe(true);
    expect(stale(0, null, {}, {}, 1e9)).toBe(true);
  });
});

describe("in words", () => {
  const said = (of: Node, nowMs: number, lostMs: number | null = null): string => livenessText(livenessOf(of, nowMs, lostMs), of, nowMs);
  const at = new Date(2026, 10, 21, 14, 2).getTime();

  it("a node says how it is and why", () => {
    expect(said(node(), 230_000)).toBe("usually every 30 s, last 2 min 10 s ago over CoAP");
    expect(said(node({ intervalMs: null, lastSeenMs: null, protocol: "" }), 0)).toBe("no sign of life yet");
    const unreachable = node({ state: "unreachable", unreachableMs: at, lastSeenMs: at - 5000 });
    expect(said(unreachable, at + 60_000)).toMatch(/^its gateway coap is away since 0?2:02.PM, usually every 30 s, last 1 min 5 s ago/);
    expect(said(node({ state: "unreachable" }), at)).toMatch(/^its gateway coap is away, /);
    expect(said(node({ lastSeenMs: at - 1000 }), at + 600_000, at)).toMatch(/^no connection to the broker since 0?2:02.PM, /);
    const gone = (why: string): string => said(node({ state: "gone", gone: { why, atMs: at }, timeoutMs: 120_000, lastSeenMs: at }), at);
    expect(gone("timeout")).toMatch(/^gone since 0?2:02.PM: silent for longer than 2 min, heard just now over CoAP$/);
    expect(gone("gateway")).toContain("its gateway coap was away for too long");
    expect(gone("<b>")).toContain("the broker no longer has it");
  });

  it("speaks the language of the page", () => {
    prefs.language = "fr";
    expect(said(node(), 230_000)).toBe("rythme habituel : 30 s, dernier signe il y a 2 min 10 s par CoAP");
    expect(said(node({ state: "unreachable", unreachableMs: at }), at)).toMatch(/^sa passerelle coap est absente depuis 14:02, /);
    expect(livenessParts(livenessOf(node({ state: "gone", gone: { why: "closed", atMs: at } }), at), node(), at)[0]).toBe(
      "parti depuis 14:02 : il a fermé sa connexion",
    );
  });
});
