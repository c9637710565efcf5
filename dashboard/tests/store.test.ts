// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it } from "vitest";
import { View } from "../client/index.js";
import type { Told } from "../client/view.js";
import type { NodeInfo } from "../client/client.js";
import type { News } from "../src/live/news.ts";
import { numberOf } from "../src/live/resource.ts";
import { MAX_GONE, Store, type Effect } from "../src/live/store.ts";

const here = (uid: string): Told => ({ type: "node", uid, gateway: uid.split("/", 1)[0] ?? "", protocol: "CoAP", firstSeen: 1 });
const gone = (uid: string): Told => ({ type: "gone", uid });
const reset = (uid: string): Told => ({ type: "reset", uid });
const gateway = (name: string, state: "connected" | "resyncing" | "away"): Told => ({ type: "gateway", gateway: name, state });
const value = (uid: string, resource: string, data: unknown, extra: { value?: unknown; unit?: string; at?: number } = {}): Told => ({
  type: "value",
  uid,
  resource,
  data,
  value: data,
  at: 1,
  ...extra,
});

const NOW_MS = 50_000;

let view: View;
let store: Store;

beforeEach(() => {
  view = new View();
  store = new Store(view);
});

/** As the page has it: what is news to the watch comes to the store. */
const tell = (told: Told[], synced = false): Effect => store.apply(view.apply(told, synced), NOW_MS);

/** What the store is told past the watch's own view. */
const detail = (...details: News[]): Effect => store.apply(details, NOW_MS);

/** What a reader of the page would see. */
function seen(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    [...store.nodes].map(([uid, node]) => [uid, Object.fromEntries([...node.resources].map(([name, { data }]) => [name, data]))]),
  );
}

describe("the store", () => {
  it("applies what the broker says in its order", () => {
    const effect = tell([here("a"), value("a", "led", "0"), value("a", "led", "1"), here("b"), gone("b")]);
    expect(seen()).toEqual({ a: { led: "1" }, b: {} });
    expect(store.nodes.get("b")).toMatchObject({ state: "gone", gone: { why: "unknown", atMs: NOW_MS } });
    expect(effect).toMatchObject({ nodes: new Set(["a", "b"]), membership: true });
    expect(tell([value("a", "led", "0")]).membership).toBe(false);
  });

  it("shows a node whose value came first", () => {
    expect(tell([value("x/a", "led", "0")]).membership).toBe(true);
    expect(tell([here("x/a")]).membership).toBe(false);
    expect(seen()).toEqual({ "x/a": { led: "0" } });
  });

  it("knows the protocol as soon as the broker has said it", () => {
    tell([value("x/a", "led", "0")]);
    expect(store.nodes.get("x/a")?.protocol).toBe("");
    tell([here("x/a")]);
    expect(store.nodes.get("x/a")?.protocol).toBe("CoAP");
  });

  it("forgets the values of a node that was reset, and their history", () => {
    tell([here("a"), value("a", "t", 1, { at: 1000 }), value("a", "t", 2, { at: 2000 })]);
    tell([reset("a"), value("a", "t", 3, { at: 3000 })]);
    expect(seen()).toEqual({ a: { t: 3 } });
    expect(store.nodes.get("a")?.resources.get("t")?.history.length).toBe(1);
  });

  it("gives a node a new identity exactly when it changed", () => {
    tell([here("a"), value("a", "t", 1), here("b"), value("b", "t", 1)]);
    const [a, b] = [store.nodes.get("a"), store.nodes.get("b")];
    const t = a?.resources.get("t");
    tell([value("a", "u", 1)]);
    expect(store.nodes.get("a")).not.toBe(a);
    expect(store.nodes.get("a")?.resources.get("t")).toBe(t);
    expect(store.nodes.get("b")).toBe(b);
    expect(a?.resources.has("u")).toBe(false);
  });

  it("says which nodes are unreachable, and when they are back", () => {
    tell([gateway("coap", "connected"), here("coap/a"), here("coap/b"), here("mqtt/c"), value("coap/a", "t", 1)], true);
    const states = (): unknown => Object.fromEntries([...store.nodes].map(([uid, { state }]) => [uid, state]));
    expect(tell([gateway("coap", "away")]).nodes).toEqual(new Set(["coap/a", "coap/b"]));
    expect(states()).toEqual({ "coap/a": "unreachable", "coap/b": "unreachable", "mqtt/c": "online" });
    expect(seen()["coap/a"]).toEqual({ t: 1 });
    tell([gateway("coap", "resyncing"), here("coap/a")]);
    expect(states()).toEqual({ "coap/a": "online", "coap/b": "unreachable", "mqtt/c": "online" });
    tell([gateway("coap", "connected")]);
    expect(states()).toEqual({ "coap/a": "online", "coap/b": "online", "mqtt/c": "online" });
  });

  it("keeps what it knew until all is told again, with the history of what still holds", () => {
    tell([here("stays"), value("stays", "t", 1, { at: 1000 }), value("stays", "t", 2, { at: 2000 }), value("stays", "old", 1), here("goes")], true);
    view.restart();
    tell([here("came"), here("stays"), value("stays", "t", 2, { at: 2000 })]);
    expect(Object.keys(seen())).toEqual(["stays", "goes", "came"]);
    const effect = tell([], true);
    expect(seen()).toEqual({ stays: { t: 2 }, goes: {}, came: {} });
    expect([...store.nodes.values()].map(({ state }) => state)).toEqual(["online", "gone", "online"]);
    expect(effect.nodes).toEqual(new Set(["stays", "goes"]));
    expect(store.nodes.get("stays")?.resources.get("t")?.history.length).toBe(2);
  });

  it("prefers the value to the data", () => {
    tell([here("a"), value("a", "t", "23.4°C", { value: 23.4, unit: "Cel", at: 1234 }), value("a", "n", "7", { unit: "" })]);
    expect(store.nodes.get("a")?.resources.get("t")).toMatchObject({ data: "23.4°C", number: 23.4, unit: "Cel", atMs: 1234 });
    expect(store.nodes.get("a")?.resources.get("n")).toMatchObject({ data: "7", number: 7, unit: null });
  });
});

describe("details", () => {
  it("say what a resource is, before its value or after it, until it is reset", () => {
    tell([here("a"), value("a", "t", 1)]);
    detail({ type: "about", uid: "a", resource: "t", about: { title: "T", min: 0, max: NaN, choices: "no", writable: "yes", evil: 1 } as never });
    detail({ type: "about", uid: "a", resource: "led", about: { writable: true, choices: [0, 1, null] } as never });
    tell([value("a", "led", 1), value("a", "t", 2, { at: 2 })]);
    const abouts = (): unknown => [...(store.nodes.get("a")?.resources.values() ?? [])].map(({ about }) => about);
    expect(abouts()).toEqual([{ title: "T", min: 0 }, { writable: true, choices: [0, 1] }]);
    tell([reset("a"), value("a", "led", 1, { at: 3 })]);
    expect(abouts()).toEqual([{}]);
    for (const about of [null, 5, "x", []]) detail({ type: "about", uid: "a", resource: "led", about: about as never });
    expect(abouts()).toEqual([{}]);
  });

  it("say when a node was last seen, and how that is judged", () => {
    tell([here("a"), value("a", "t", 1, { at: 5000 })]);
    expect(store.nodes.get("a")).toMatchObject({ firstSeenMs: 1, lastSeenMs: 5000, intervalMs: null, timeoutMs: null });
    detail({ type: "liveness", uid: "a", lastSeen: 9000, interval: 4000, timeout: 60_000 });
    expect(store.nodes.get("a")).toMatchObject({ lastSeenMs: 9000, intervalMs: 4000, timeoutMs: 60_000 });
    tell([value("a", "t", 1, { at: 7000 })]);
    detail({ type: "liveness", uid: "a", lastSeen: 8000 });
    expect(store.nodes.get("a")).toMatchObject({ lastSeenMs: 9000, intervalMs: null, timeoutMs: null });
  });

  it("are of nodes that are there only", () => {
    detail({ type: "about", uid: "x", resource: "t", about: {} }, { type: "liveness", uid: "x", lastSeen: 1 }, { type: "dismissed", uid: "x" });
    expect(seen()).toEqual({});
  });

  it("are learned where the gateway does not say them", () => {
    tell([here("a")]);
    for (let at = 1000; at <= 20_000; at += 4000) tell([value("a", "t", at, { at })]);
    expect(store.nodes.get("a")).toMatchObject({ intervalMs: 4000, heardEveryMs: 4000 });
    expect(store.nodes.get("a")?.resources.get("t")?.rhythm?.everyMs).toBe(4000);
  });
});

describe("nodes that went", () => {
  const states = (): unknown => Object.fromEntries([...store.nodes].map(([uid, { state }]) => [uid, state]));
  const departed = (uid: string, extra: Partial<NodeInfo> = {}): NodeInfo => ({
    uid,
    gateway: "g",
    state: "gone",
    protocol: "CoAP",
    firstSeen: 1,
    lastSeen: 900,
    why: "timeout",
    goneAt: 1000,
    values: { t: { data: 7, value: 7, at: 900 } },
    about: { t: { unit: "Cel" } },
    ...extra,
  });

  it("stay with their last values and why, until they are dismissed", () => {
    tell([here("a"), value("a", "t", 1)]);
    detail({ type: "gone", uid: "a", why: "closed", at: 1234 });
    expect(store.nodes.get("a")).toMatchObject({ state: "gone", gone: { why: "closed", atMs: 1234 }, protocol: "CoAP" });
    expect(seen()).toEqual({ a: { t: 1 } });
    expect(detail({ type: "dismissed", uid: "a" })).toMatchObject({ nodes: new Set(["a"]), membership: true });
    expect(seen()).toEqual({});
  });

  it("are back with what they say from then on, and with their history", () => {
    tell([here("a"), value("a", "t", 1, { at: 1000 }), value("a", "old", 1)], true);
    tell([gone("a")]);
    tell([here("a")]);
    expect([states(), seen()]).toEqual([{ a: "online" }, { a: {} }]);
    tell([value("a", "t", 2, { at: 2000 })]);
    expect(store.nodes.get("a")?.resources.get("t")?.history.length).toBe(2);
    expect(seen()).toEqual({ a: { t: 2 } });
    expect(store.nodes.get("a")?.gone).toBeNull();
    // What was dismissed is not the one that is back.
    detail({ type: "dismissed", uid: "a" });
    expect(states()).toEqual({ a: "online" });
  });

  it("are not kept when they were programs or tabs", () => {
    tell([here("peer/tab"), value("peer/tab", "t", 1)]);
    expect(tell([gone("peer/tab")]).membership).toBe(true);
    expect(seen()).toEqual({});
  });

  it("before the page was opened are shown, too, but live ones win", () => {
    tell([here("live"), value("live", "t", 1)], true);
    detail({ type: "departed", nodes: [departed("went"), departed("live")] });
    expect(states()).toEqual({ live: "online", went: "gone" });
    expect(store.nodes.get("went")).toMatchObject({ gateway: "g", lastSeenMs: 900, gone: { why: "timeout", atMs: 1000 } });
    expect(store.nodes.get("went")?.resources.get("t")).toMatchObject({ number: 7, about: { unit: "Cel" } });
    expect(seen()["live"]).toEqual({ t: 1 });
  });

  it("while the connection was lost get their reason from the broker, and keep their history", () => {
    tell([here("a"), value("a", "t", 6, { at: 800 }), value("a", "t", 7, { at: 900 })], true);
    view.restart();
    tell([], true);
    expect(store.nodes.get("a")?.gone?.why).toBe("unknown");
    detail({ type: "departed", nodes: [departed("a", { why: "gateway" })] });
    expect(store.nodes.get("a")?.gone).toEqual({ why: "gateway", atMs: 1000 });
    expect(store.nodes.get("a")?.resources.get("t")?.history.length).toBe(2);
  });

  it("are bounded: the oldest make room", () => {
    for (let index = 0; index < MAX_GONE + 5; index += 1) tell([here(`n${String(index)}`), gone(`n${String(index)}`)]);
    expect(store.nodes.size).toBe(MAX_GONE);
    expect([store.nodes.has("n4"), store.nodes.has("n5")]).toEqual([false, true]);
  });

  it("are what is left of a node that a broken list names twice or with nothing in it", () => {
    detail({ type: "departed", nodes: [departed("a", { values: {} }), departed("a")] });
    expect([states(), seen()]).toEqual([{ a: "gone" }, { a: { t: 7 } }]);
  });
});

describe("the moment a gateway went away", () => {
  it("is known to who saw it, and not to who came later", () => {
    tell([gateway("g", "away"), here("g/a")], true);
    expect(store.nodes.get("g/a")).toMatchObject({ state: "unreachable", unreachableMs: null });
    tell([gateway("g", "connected")]);
    expect(store.nodes.get("g/a")).toMatchObject({ state: "online", unreachableMs: null });
    expect(tell([gateway("g", "away")]).gateways).toBe(true);
    expect(store.nodes.get("g/a")).toMatchObject({ state: "unreachable", unreachableMs: NOW_MS });
    store.apply(view.apply([gateway("g", "resyncing")]), NOW_MS + 9000);
    expect(store.nodes.get("g/a")).toMatchObject({ state: "unreachable", unreachableMs: NOW_MS });
  });
});

describe("numberOf", () => {
  it.each([
    [5, 5],
    ["5", 5],
    [" -1.5e3 ", -1500],
    [".5", 0.5],
    ["", null],
    ["23.4°C", null],
    ["0x10", null],
    ["Infinity", null],
    ["1e999", null],
    [NaN, null],
    [true, null],
    [null, null],
    [[5], null],
  ])("%j is %j", (value, number) => {
    expect(numberOf(value)).toBe(number);
  });
});
