// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it } from "vitest";
import { View } from "../client/index.js";
import type { Told } from "../client/view.js";
import { Store, numberOf, type Effect } from "../src/live/store.ts";

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

let view: View;
let store: Store;

beforeEach(() => {
  view = new View();
  store = new Store(view);
});

/** As the page has it: what is news to the watch comes to the store. */
const tell = (told: Told[], synced = false): Effect => store.apply(view.apply(told, synced));

/** What a reader of the page would see. */
function seen(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    [...store.nodes].map(([uid, node]) => [uid, Object.fromEntries([...node.resources].map(([name, { data }]) => [name, data]))]),
  );
}

describe("the store", () => {
  it("applies what the broker says in its order", () => {
    const effect = tell([here("a"), value("a", "led", "0"), value("a", "led", "1"), here("b"), gone("b")]);
    expect(seen()).toEqual({ a: { led: "1" } });
    expect(effect).toEqual({ nodes: new Set(["a", "b"]), membership: true });
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
    expect(seen()).toEqual({ stays: { t: 2 }, came: {} });
    expect(effect).toEqual({ nodes: new Set(["stays", "goes"]), membership: true });
    expect(store.nodes.get("stays")?.resources.get("t")?.history.length).toBe(2);
  });

  it("prefers the value to the data", () => {
    tell([here("a"), value("a", "t", "23.4°C", { value: 23.4, unit: "Cel", at: 1234 }), value("a", "n", "7", { unit: "" })]);
    expect(store.nodes.get("a")?.resources.get("t")).toMatchObject({ data: "23.4°C", number: 23.4, unit: "Cel", atMs: 1234 });
    expect(store.nodes.get("a")?.resources.get("n")).toMatchObject({ data: "7", number: 7, unit: null });
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
