// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import type { Message } from "../src/live/messages.ts";
import { Store, numberOf } from "../src/live/store.ts";

const appears = (uid: string): Message => ({ type: "new", uid });
const gone = (uid: string): Message => ({ type: "out", uid });
const reset = (uid: string): Message => ({ type: "reset", uid });
const synced: Message = { type: "synced" };
const update = (uid: string, resource: string, data: unknown, extra: { value?: unknown; unit?: string; at?: number } = {}): Message => ({
  type: "update",
  uid,
  resource,
  data,
  value: extra.value,
  unit: extra.unit ?? null,
  at: extra.at ?? null,
});

/** What a reader of the page would see. */
function seen(store: Store): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    [...store.nodes].map(([uid, node]) => [uid, Object.fromEntries([...node.resources].map(([name, { data }]) => [name, data]))]),
  );
}

describe("the store", () => {
  it("applies what the broker says in its order", () => {
    const store = new Store();
    const changes = store.apply([appears("a"), update("a", "led", "0"), update("a", "led", "1"), appears("b"), gone("b")], 5);
    expect(seen(store)).toEqual({ a: { led: "1" } });
    expect(changes).toEqual({ nodes: new Set(["a", "b"]), membership: true, synced: false });
    expect(store.apply([update("a", "led", "0")], 6).membership).toBe(false);
  });

  it("ignores values of nodes it does not know, and does not let them come back", () => {
    const store = new Store();
    const changes = store.apply([update("a", "led", "0"), appears("a"), gone("a"), update("a", "led", "1"), reset("a"), gone("a")], 5);
    expect(seen(store)).toEqual({});
    expect(changes.nodes).toEqual(new Set(["a"]));
  });

  it("forgets the values of a node that was reset, and their history", () => {
    const store = new Store();
    store.apply([appears("a"), update("a", "t", 1, { at: 1000 }), update("a", "t", 2, { at: 2000 })], 5);
    store.apply([reset("a"), update("a", "t", 3, { at: 3000 })], 5);
    expect(seen(store)).toEqual({ a: { t: 3 } });
    expect(store.nodes.get("a")?.resources.get("t")?.history.length).toBe(1);
  });

  it("gives a node a new identity exactly when it changed", () => {
    const store = new Store();
    store.apply([appears("a"), update("a", "t", 1), appears("b"), update("b", "t", 1)], 5);
    const [a, b] = [store.nodes.get("a"), store.nodes.get("b")];
    const t = a?.resources.get("t");
    store.apply([update("a", "u", 1)], 6);
    expect(store.nodes.get("a")).not.toBe(a);
    expect(store.nodes.get("a")?.resources.get("t")).toBe(t);
    expect(store.nodes.get("b")).toBe(b);
    expect(a?.resources.has("u")).toBe(false);
  });

  it("keeps what it knew until the replay is complete, then drops what was not said again", () => {
    const store = new Store();
    store.startReplay();
    store.apply([appears("stays"), update("stays", "t", 1, { at: 1000 }), update("stays", "old", 1), appears("goes"), synced], 5);
    store.startReplay();
    store.apply([appears("came"), appears("stays"), update("stays", "t", 2, { at: 2000 })], 6);
    expect(Object.keys(seen(store))).toEqual(["stays", "goes", "came"]);
    expect(seen(store)["stays"]).toEqual({ t: 2, old: 1 });
    const changes = store.apply([synced], 7);
    expect(seen(store)).toEqual({ stays: { t: 2 }, came: {} });
    expect(changes).toEqual({ nodes: new Set(["stays", "goes"]), membership: true, synced: true });
    expect(store.nodes.get("stays")?.resources.get("t")?.history.length).toBe(2);
    expect(store.apply([synced], 8).nodes.size).toBe(0);
  });

  it("ends equal to the broker's truth after any losses", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 200; round += 1) {
      const store = new Store();
      const truth = new Map<string, Map<string, number>>();
      let connected = false;
      for (let step = 0; step < 120; step += 1) {
        const messages: Message[] = [];
        const uid = `n${String(random(4))}`;
        const node = truth.get(uid);
        const act = random(10);
        if (act === 0) {
          connected = !connected;
          if (connected) {
            store.startReplay();
            for (const [known, resources] of truth) {
              messages.push(appears(known));
              for (const [name, data] of resources) messages.push(update(known, name, data));
            }
            messages.push(synced);
            store.apply(messages, step);
          }
          continue;
        }
        if (node === undefined) {
          truth.set(uid, new Map());
          messages.push(appears(uid));
        } else if (act === 1) {
          truth.delete(uid);
          messages.push(gone(uid));
        } else if (act === 2) {
          node.clear();
          messages.push(reset(uid));
        } else {
          const name = `r${String(random(3))}`;
          node.set(name, step);
          messages.push(update(uid, name, step));
        }
        if (connected) {
          store.apply(messages, step);
          expect(seen(store)).toEqual(Object.fromEntries([...truth].map(([known, resources]) => [known, Object.fromEntries(resources)])));
        }
      }
    }
  });

  it("prefers the value to the data, and the gateway's time to its own", () => {
    const store = new Store();
    store.apply([appears("a"), update("a", "t", "23.4°C", { value: 23.4, unit: "Cel", at: 1234 }), update("a", "n", "7")], 99);
    expect(store.nodes.get("a")?.resources.get("t")).toMatchObject({ data: "23.4°C", number: 23.4, unit: "Cel", atMs: 1234 });
    expect(store.nodes.get("a")?.resources.get("n")).toMatchObject({ data: "7", number: 7, unit: null, atMs: 99 });
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
