// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { View } from "../../client/index.js";
import { readChanged } from "../../client/told.js";
import type { About, Described, GatewayState, Liveness, NodeHere, Told, Value } from "../../client/view.js";

// The same as tests/client/test_view.py has of the Python client.
const value = (data: unknown, uid = "coap/a", resource = "temperature", at = 1000 * Number(data)): Value => ({ type: "value", uid, resource, data, value: data, at });
const here = (uid = "coap/a"): NodeHere => ({ type: "node", uid, gateway: "coap", protocol: "CoAP", firstSeen: 5 });
const gateway = (name: string, state: GatewayState["state"]): GatewayState => ({ type: "gateway", gateway: name, state });
const described = (about: About, uid = "coap/a", resource = "temperature"): Described => ({ type: "about", uid, resource, about });
const liveness = (uid: string, lastSeen: number, pace: { interval?: number; timeout?: number } = {}): Liveness => ({ type: "liveness", uid, lastSeen, ...pace });
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
      const heard = new Map<string, { values: Map<string, unknown>; abouts: Map<string, About> }>();
      const truth = new Map<string, { values: Map<string, Value>; abouts: Map<string, Described>; alive: Liveness }>();
      let [connected, missed]: [boolean, Told[]] = [false, []];
      const hear = (told: readonly Told[], all = false): void => {
        for (const change of made.apply(told, all)) {
          if (change.type === "synced" || change.type === "gateway") continue;
          const known = heard.get(change.uid);
          if (change.type === "node") heard.set(change.uid, known ?? { values: new Map(), abouts: new Map() });
          else if (change.type === "value") known?.values.set(change.resource, change.data);
          else if (change.type === "about") known?.abouts.set(change.resource, change.about);
          else if (change.type === "gone") heard.delete(change.uid);
          else if (change.type === "reset") {
            known?.values.clear();
            known?.abouts.clear();
          }
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
            hear([...truth].flatMap(([each, { values, abouts, alive }]) => [here(each), alive, ...values.values(), ...abouts.values()]), true);
          }
          if (connected) missed = [];
          continue;
        }
        let told: Told;
        if (node === undefined) {
          const alive = liveness(uid, step);
          truth.set(uid, { values: new Map(), abouts: new Map(), alive });
          if (connected) hear([here(uid)]);
          else missed.push(here(uid));
          told = alive;
        } else if (act === 1) {
          truth.delete(uid);
          told = { type: "gone", uid };
        } else if (act === 2) {
          [node.values, node.abouts] = [new Map(), new Map()];
          told = { type: "reset", uid };
        } else if (act < 5) {
          told = described({ max: random(3) }, uid, `r${String(random(3))}`);
          node.abouts.set(told.resource, told);
        } else if (act === 5) {
          told = node.alive = liveness(uid, 1000 * step, random(2) === 0 ? {} : { interval: random(3), timeout: 5 });
        } else {
          told = value(step, uid, `r${String(random(3))}`);
          node.values.set(told.resource, told);
          node.alive = { ...node.alive, lastSeen: told.at };
        }
        if (connected) hear([told]);
        else missed.push(told);
        if (!connected) continue;
        const plain = (uid: string, values: Iterable<[string, unknown]>, abouts: Iterable<[string, unknown]>): unknown[] => [uid, [...values].sort(), [...abouts].sort()];
        const all = [...truth].sort(([a], [b]) => (a < b ? -1 : 1));
        const expected = all.map(([each, { values, abouts }]) =>
          plain(each, [...values].map(([name, { data }]) => [name, data]), [...abouts].map(([name, { about }]) => [name, about])),
        );
        const nodes = [...made.nodes.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1));
        expect(nodes.map(({ uid, values, abouts }) => plain(uid, [...values].map(([name, { data }]) => [name, data]), abouts))).toEqual(expected);
        expect([...heard].sort(([a], [b]) => (a < b ? -1 : 1)).map(([each, { values, abouts }]) => plain(each, values, abouts))).toEqual(expected);
        expect(nodes.map(({ lastSeen, interval, timeout }) => [lastSeen, interval, timeout])).toEqual(
          all.map(([, { alive }]) => [alive.lastSeen, alive.interval ?? null, alive.timeout ?? null]),
        );
      }
    }
  });
});

describe("details of nodes", () => {
  it("are kept with the node, and are news when they are others", () => {
    const made = view(here(), liveness("coap/a", 7, { interval: 30_000 }), described({ title: "Lamp", writable: true }));
    const node = made.nodes.get("coap/a");
    expect([node?.lastSeen, node?.interval, node?.timeout]).toEqual([7, 30_000, null]);
    expect(node?.abouts.get("temperature")).toEqual({ title: "Lamp", writable: true });
    expect(made.apply([described({ title: "Lamp", writable: true }), liveness("coap/a", 7, { interval: 30_000 })])).toEqual([]);
    expect(made.apply([value(9)])).toEqual([value(9)]);
    expect(node?.lastSeen, "a value is a sign of life").toBe(9000);
    made.apply([value(8)]);
    expect(node?.lastSeen, "what was measured before is none").toBe(9000);
    const next = [liveness("coap/a", 10_000, { timeout: 5 }), described({})];
    expect(made.apply(next)).toEqual(next);
    expect([node?.lastSeen, node?.interval, node?.timeout, node?.abouts.has("temperature")]).toEqual([10_000, null, 5, false]);
  });

  it("are void after a reset, and nothing is known of a node that nobody told of", () => {
    const made = view(here(), described({ unit: "Cel" }));
    expect(made.apply([{ type: "reset", uid: "coap/a" }])).toEqual([{ type: "reset", uid: "coap/a" }]);
    expect(made.nodes.get("coap/a")?.abouts.size).toBe(0);
    expect(made.apply([described({}, "coap/x"), liveness("coap/x", 1)])).toEqual([]);
    expect([...made.nodes.keys()]).toEqual(["coap/a"]);
  });

  it("that were not told again are gone after a restart", () => {
    const made = view(here(), value(1), described({ unit: "Cel" }), described({ max: 1 }, "coap/a", "led"));
    made.restart();
    const kept = described({ unit: "Cel" });
    expect(made.apply([here(), value(1), kept], true)).toEqual([{ type: "reset", uid: "coap/a" }, kept, value(1), synced]);
    expect([...(made.nodes.get("coap/a")?.abouts ?? [])]).toEqual([["temperature", { unit: "Cel" }]]);
  });

  it("say why a node went, and that it was dismissed", () => {
    const made = view(here());
    const told = [{ type: "gone", uid: "coap/a", why: "timeout", at: 5 }, { type: "dismissed", uid: "coap/a" }] as const;
    expect(made.apply(told)).toEqual(told);
    expect(made.nodes.size).toBe(0);
  });
});

describe("what the broker tells", () => {
  it("is read whole", () => {
    const gone = [{ type: "gone", uid: "a" }, { type: "gone", uid: "a", why: "timeout", at: 1 }, { type: "dismissed", uid: "a" }];
    const details = [described({ title: "x", min: 0, choices: [1, "a", true], if: "core.a" }), liveness("a", 1, { interval: 2, timeout: 3 })];
    const changes = [gateway("coap", "away"), here(), value(1), { type: "reset", uid: "a" }, ...gone, ...details];
    expect(readChanged({ watch: 1, version: 9, changes, synced: true })).toEqual({ watch: 1, version: 9, changes, synced: true });
  });

  it("is left out where it is nothing that is known here", () => {
    const wrong = [null, 5, "x", [], {}, { type: "gone" }, { type: "gone", uid: "" }, { type: "later", uid: "a" }, { type: "value", uid: "a" }];
    const more: object[] = [{ ...value(1), at: "yesterday" }, { ...value(1), unit: 7 }, { ...here(), gateway: 1 }, { type: "gateway", gateway: "a", state: "x" }];
    const abouts = [null, [], "x", { title: 1 }, { min: "0" }, { writable: "yes" }, { choices: "ab" }, { choices: [{}] }, { if: {} }].map((about) => ({ ...described({}), about }));
    const livenesses = [{ lastSeen: "now" }, { lastSeen: undefined }, { interval: "1" }, { timeout: {} }].map((each) => ({ ...liveness("a", 1), ...each }));
    more.push(...abouts, ...livenesses, { type: "gone", uid: "a", why: 1 }, { type: "dismissed" }, { ...described({}), resource: 1 });
    expect(readChanged({ watch: 1, version: "v", changes: [...wrong, value(2), ...more] })?.changes).toEqual([value(2)]);
    for (const params of [undefined, null, 1, [], {}, { watch: "1", version: 1, changes: [] }, { watch: 1, changes: [] }, { watch: 1, version: 1 }]) {
      expect(readChanged(params)).toBeNull();
    }
  });
});
