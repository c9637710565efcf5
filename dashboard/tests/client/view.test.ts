// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { View } from "../../client/index.js";
import { readChanged } from "../../client/told.js";
import type { GatewayState, NodeHere, Told, Value } from "../../client/view.js";

// The same as tests/client/test_view.py has of the Python client.
const value = (data: unknown, uid = "coap/a", resource = "temperature", at = 1000 * Number(data)): Value => ({ type: "value", uid, resource, data, value: data, at });
const here = (uid = "coap/a"): NodeHere => ({ type: "node", uid, gateway: "coap", protocol: "CoAP", firstSeen: 5 });
const gateway = (name: string, state: GatewayState["state"]): GatewayState => ({ type: "gateway", gateway: name, state });
const synced = { type: "synced" } as const;

function view(...told: Told[]): View {
  const made = new View();
  made.apply(told, true);
  return made;
}

const known = (made: View, uid = "coap/a"): unknown => [...(made.nodes.get(uid)?.values.values() ?? [])];

describe("a view", () => {
  it("knows what is told; what is told again is no news", () => {
    const made = new View();
    expect(made.apply([here(), value(1)])).toEqual([here(), value(1)]);
    expect(made.synced).toBe(false);
    expect(made.apply([here(), value(1), value(2)], true)).toEqual([value(2), synced]);
    expect(made.synced).toBe(true);
    expect(known(made)).toEqual([value(2)]);
  });

  it("takes a value before its node", () => {
    const made = view(value(1));
    expect(made.nodes.get("coap/a")?.told).toBe(false);
    expect(made.apply([here()])).toEqual([here()]);
    expect(made.nodes.get("coap/a")).toMatchObject({ protocol: "CoAP", told: true });
  });

  it("tells once that a node is gone or was reset", () => {
    const made = view(here(), value(1));
    const [reset, gone] = [{ type: "reset", uid: "coap/a" }, { type: "gone", uid: "coap/a" }] as const;
    expect(made.apply([reset, reset])).toEqual([reset]);
    expect(known(made)).toEqual([]);
    expect(made.apply([gone, gone])).toEqual([gone]);
    expect(made.nodes.size).toBe(0);
  });

  it("after a restart drops what was not told again, when all was told", () => {
    const made = view(here(), value(1), value(7, "coap/a", "humidity"), here("coap/b"), gateway("mqtt", "away"));
    made.restart();
    expect(made.apply([here(), value(1)])).toEqual([]);
    expect([...made.nodes.keys()]).toEqual(["coap/a", "coap/b"]);
    expect(made.apply([], true)).toEqual([{ type: "reset", uid: "coap/a" }, value(1), { type: "gone", uid: "coap/b" }, synced]);
    expect(made.gateways.size).toBe(0);
  });

  it("holds a node unreachable while its gateway is away, and until it is told again", () => {
    const made = view(gateway("coap", "connected"), here(), here("coap/b"));
    const states = (): string[] => [...made.nodes.values()].map((node) => made.state(node));
    expect(states()).toEqual(["online", "online"]);
    made.apply([gateway("coap", "away")]);
    expect(made.apply([gateway("coap", "away")])).toEqual([]);
    expect(states()).toEqual(["unreachable", "unreachable"]);
    expect(made.apply([here()]), "told while away: nothing new").toEqual([]);
    made.apply([gateway("coap", "resyncing")]);
    expect(states()).toEqual(["unreachable", "unreachable"]);
    expect(made.apply([here()]), "that it is back is news").toEqual([here()]);
    expect(states()).toEqual(["online", "unreachable"]);
    made.apply([gateway("coap", "connected")]);
    expect(states()).toEqual(["online", "online"]);
  });

  it("takes names of any kind for names", () => {
    const made = view(here("__proto__"), value(1, "__proto__", "constructor"));
    expect([...made.nodes.keys()]).toEqual(["__proto__"]);
    expect(made.nodes.get("__proto__")?.values.get("constructor")).toEqual(value(1, "__proto__", "constructor"));
  });

  it("ends equal to the broker's truth after any losses", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 50; round += 1) {
      const made = new View();
      // What a listener makes of the news alone is to be the same.
      const heard = new Map<string, Map<string, unknown>>();
      const truth = new Map<string, Map<string, Value>>();
      let [connected, missed]: [boolean, Told[]] = [false, []];
      const hear = (told: readonly Told[], all = false): void => {
        for (const change of made.apply(told, all)) {
          if (change.type === "node") heard.set(change.uid, heard.get(change.uid) ?? new Map());
          else if (change.type === "value") heard.get(change.uid)?.set(change.resource, change.data);
          else if (change.type === "reset") heard.get(change.uid)?.clear();
          else if (change.type === "gone") heard.delete(change.uid);
        }
      };
      for (let step = 1; step < 120; step += 1) {
        const uid = `coap/${String(random(4))}`;
        const node = truth.get(uid);
        const act = random(10);
        if (act === 0) {
          connected = !connected;
          if (connected && random(2) === 0) hear(missed, true);
          else if (connected) {
            made.restart();
            hear([...truth].flatMap(([each, values]) => [here(each), ...values.values()]), true);
          }
          if (connected) missed = [];
          continue;
        }
        let told: Told;
        if (node === undefined) {
          truth.set(uid, new Map());
          told = here(uid);
        } else if (act === 1) {
          truth.delete(uid);
          told = { type: "gone", uid };
        } else if (act === 2) {
          node.clear();
          told = { type: "reset", uid };
        } else {
          told = value(step, uid, `r${String(random(3))}`);
          node.set(told.resource, told);
        }
        if (connected) hear([told]);
        else missed.push(told);
        if (!connected) continue;
        const expected = [...truth].map(([each, values]) => [each, [...values].map(([name, { data }]) => [name, data]).sort()]).sort();
        expect([...made.nodes.values()].map(({ uid, values }) => [uid, [...values].map(([name, { data }]) => [name, data]).sort()]).sort()).toEqual(expected);
        expect([...heard].map(([each, values]) => [each, [...values].sort()]).sort()).toEqual(expected);
      }
    }
  });
});

describe("what the broker tells", () => {
  it("is read whole", () => {
    const changes = [gateway("coap", "away"), here(), value(1), { type: "reset", uid: "a" }, { type: "gone", uid: "a" }];
    expect(readChanged({ watch: 1, version: 9, changes, synced: true })).toEqual({ watch: 1, version: 9, changes, synced: true });
  });

  it("is left out where it is nothing that is known here", () => {
    const wrong = [null, 5, "x", [], {}, { type: "gone" }, { type: "gone", uid: "" }, { type: "later", uid: "a" }, { type: "value", uid: "a" }];
    const more = [{ ...value(1), at: "yesterday" }, { ...value(1), unit: 7 }, { ...here(), gateway: 1 }, { type: "gateway", gateway: "a", state: "x" }];
    expect(readChanged({ watch: 1, version: "v", changes: [...wrong, value(2), ...more] })?.changes).toEqual([value(2)]);
    for (const params of [undefined, null, 1, [], {}, { watch: "1", version: 1, changes: [] }, { watch: 1, changes: [] }, { watch: 1, version: 1 }]) {
      expect(readChanged(params)).toBeNull();
    }
  });
});
