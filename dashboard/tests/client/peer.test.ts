// SPDX-License-Identifier: BSD-3-Clause
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Peer, RpcError } from "../../client/index.js";
import { MAX_CALLS } from "../../client/peer.js";
import { FakeWorld, settled } from "./fake_world.ts";
import { EXAMPLES, offerExamples, withoutData } from "./specification.ts";

let world: FakeWorld;
let sent: string[];
let peer: Peer;

beforeEach(() => {
  world = new FakeWorld();
  sent = [];
  peer = new Peer((text) => sent.push(text), { after: world.after });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const said = (): unknown[] => sent.splice(0).map((text) => JSON.parse(text) as unknown);

async function answerTo(message: unknown): Promise<unknown> {
  peer.receive(typeof message === "string" ? message : JSON.stringify(message));
  await settled();
  const all = said();
  expect(all.length).toBeLessThanOrEqual(1);
  return all[0];
}

const call = (method: string, params?: unknown, id: unknown = 1): unknown => ({ jsonrpc: "2.0", method, params, id });
const errorOf = (answer: unknown): unknown => (answer as { error: { code: number } }).error.code;

describe("JSON-RPC 2.0", () => {
  it.each(EXAMPLES)("answers as the specification's example: %s", async (text, expected) => {
    offerExamples(peer);
    const answer = await answerTo(text);
    expect(answer === undefined ? null : withoutData(answer)).toEqual(expected === null ? null : JSON.parse(expected));
  });

  it.each([0, "", null, 1.5, -7, "a", 2 ** 53 - 1])("echoes the id %j with its type", async (id) => {
    peer.method("null", () => null);
    expect(await answerTo(call("null", [], id))).toEqual({ jsonrpc: "2.0", result: null, id });
  });

  it.each([[false], [0], [""], [null], [[]], [{}], ["text"]])("answers %j", async (result) => {
    peer.method("give", () => Promise.resolve(result));
    expect(await answerTo(call("give"))).toEqual({ jsonrpc: "2.0", result, id: 1 });
  });

  const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);

  it.each([[2 ** 53], [-(2 ** 60)], [NaN], [Infinity], [deep(15)], ["x".repeat(1000)], ["ä".repeat(500)], [1n], [cyclic], ["\ud800"]])(
    "sends nothing that is not read: case %#",
    async (value) => {
      const logged = vi.spyOn(console, "error").mockReturnValue();
      const strict = new Peer((text) => sent.push(text), { after: world.after, maxBytes: 1000 });
      await expect(strict.request("m", [value])).rejects.toMatchObject({ code: -32602 });
      expect(() => {
        strict.notify("m", [value]);
      }).toThrow(RpcError);
      expect([sent, strict.pending]).toEqual([[], 0]);
      strict.method("give", () => value);
      strict.method("fail", () => {
        throw new RpcError(17, "no", value);
      });
      for (const method of ["give", "fail"]) {
        strict.receive(JSON.stringify(call(method)));
        expect(errorOf(said()[0])).toBe(-32603);
      }
      expect(logged).toHaveBeenCalledTimes(2);
    },
  );

  it("sends what is just read", async () => {
    const values = [deep(13), 2 ** 53 - 1, 1e21, -1.5, "[{\\\"[", "[".repeat(100), new Date(0), "x".repeat(600), "😀"];
    void new Peer((text) => sent.push(text), { after: world.after, maxBytes: 1000 }).request("m", values);
    await settled();
    expect((said()[0] as { params: unknown }).params).toEqual(JSON.parse(JSON.stringify(values)));
  });

  it("takes no other ids, versions or parameters", async () => {
    peer.method("m", () => 1);
    for (const id of [true, [], {}, 2 ** 60]) expect(errorOf(await answerTo(call("m", [], id)))).toBe(-32600);
    for (const params of [null, 5, "x", true]) expect(errorOf(await answerTo(call("m", params)))).toBe(-32600);
    for (const jsonrpc of ["1.0", 2, null]) expect(errorOf(await answerTo({ jsonrpc, method: "m", id: 1 }))).toBe(-32600);
    expect(errorOf(await answerTo(Array.from({ length: 101 }, () => 1)))).toBe(-32600);
    expect(peer.malformed).toBe(12);
  });

  it("answers a batch once its last call is answered, and says nothing of notifications", async () => {
    let answer: (value: number) => void = () => undefined;
    peer.method("slow", () => new Promise((resolve) => (answer = resolve))).method("fast", () => "fast");
    const notification = { jsonrpc: "2.0", method: "nothing" };
    expect(await answerTo([call("slow", [], "a"), notification, call("fast", [], "b")])).toBeUndefined();
    answer(1);
    await settled();
    expect(said()).toEqual([
      [
        { jsonrpc: "2.0", result: "fast", id: "b" },
        { jsonrpc: "2.0", result: 1, id: "a" },
      ],
    ]);
  });
});

describe("JSON-RPC 1.0", () => {
  it("is answered with result and error both, by position, and with null for a notification's id", async () => {
    peer.method("sum", (a: number, b: number) => a + b);
    expect(await answerTo({ method: "sum", params: [1, 2], id: 7 })).toEqual({ result: 3, error: null, id: 7 });
    expect(await answerTo({ method: "sum", params: [1, 2], id: null })).toBeUndefined();
    expect(await answerTo({ method: "none", params: [], id: 0 })).toMatchObject({ result: null, error: { code: -32601 }, id: 0 });
    expect(errorOf(await answerTo({ method: "sum", params: { a: 1 }, id: 7 }))).toBe(-32600);
  });

  it("is spoken to who speaks it", async () => {
    await answerTo({ method: "none", params: [], id: null });
    const asked = peer.request("say", { text: "hi" });
    expect(said()).toEqual([{ method: "say", params: [{ text: "hi" }], id: 1 }]);
    peer.receive('{"id": 1, "result": 0, "error": null}');
    expect(await asked).toBe(0);
    const failed = peer.request("say");
    peer.receive('{"id": 2, "result": null, "error": "no voice"}');
    await expect(failed).rejects.toThrow("no voice");
    peer.notify("bye");
    expect(said().at(-1)).toEqual({ method: "bye", params: [], id: null });
    await answerTo({ jsonrpc: "2.0", method: "none" });
    peer.notify("bye");
    expect(said()).toEqual([{ jsonrpc: "2.0", method: "bye" }]);
  });
});

describe("methods", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "then", "call", "method", ""])("%j is none unless it was offered", async (name) => {
    expect(errorOf(await answerTo(call(name)))).toBe(-32601);
    peer.method(name, () => "offered");
    expect(await answerTo(call(name))).toMatchObject({ result: "offered" });
  });

  it("get the parameters that they declare, in that order", async () => {
    peer.method("move", (...given: unknown[]) => given, [{ name: "to", type: "string" }, { name: "speed", type: "number", required: false }]);
    expect(await answerTo(call("move", { speed: 2, to: "x" }))).toMatchObject({ result: ["x", 2] });
    expect(await answerTo(call("move", ["x"]))).toMatchObject({ result: ["x"] });
    expect(await answerTo(call("move", { to: "x" }))).toMatchObject({ result: ["x", null] });
    for (const wrong of [[], ["x", 1, 2], [5], ["x", "fast"], { speed: 1 }, { to: "x", toString: 1 }, JSON.parse('{"to":"x","__proto__":1}')]) {
      expect(errorOf(await answerTo(call("move", wrong)))).toBe(-32602);
    }
  });

  it("get whatever comes where they declare nothing", async () => {
    peer.method("any", (...given: unknown[]) => given);
    expect(await answerTo(call("any", { a: 1 }))).toMatchObject({ result: [{ a: 1 }] });
    expect(await answerTo(call("any", [1, [2]]))).toMatchObject({ result: [1, [2]] });
    expect(await answerTo(call("any"))).toMatchObject({ result: [] });
  });

  it("answer with their errors; what else they throw is not told to others", async () => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    peer.method("refuse", () => Promise.reject(new RpcError(7, "not today", { until: "noon" })));
    peer.method("break", () => {
      throw new Error("secret");
    });
    peer.method("circle", () => {
      const circle: unknown[] = [];
      circle.push(circle);
      return circle;
    });
    expect(await answerTo(call("refuse"))).toEqual({ jsonrpc: "2.0", error: { code: 7, message: "not today", data: { until: "noon" } }, id: 1 });
    expect(await answerTo(call("break"))).toEqual({ jsonrpc: "2.0", error: { code: -32603, message: "Internal error" }, id: 1 });
    expect(errorOf(await answerTo(call("circle")))).toBe(-32603);
    expect(logged).toHaveBeenCalledTimes(2);
  });

  it("are at most so many under way", async () => {
    peer.method("wait", () => new Promise(() => undefined)).method("now", () => 1);
    for (let count = 0; count < MAX_CALLS; count += 1) peer.receive(JSON.stringify(call("wait", [], count)));
    expect(await answerTo(call("now"))).toMatchObject({ error: { data: { code: "busy" } } });
  });
});

describe("requests", () => {
  it("end with their own answer, in any order", async () => {
    const asked = [peer.request("a"), peer.request("b", [1]), peer.request("c", { x: 1 })] as const;
    expect(said()).toEqual([
      { jsonrpc: "2.0", method: "a", id: 1 },
      { jsonrpc: "2.0", method: "b", params: [1], id: 2 },
      { jsonrpc: "2.0", method: "c", params: { x: 1 }, id: 3 },
    ]);
    peer.receive('[{"jsonrpc":"2.0","result":null,"id":3},{"jsonrpc":"2.0","result":false,"id":1}]');
    peer.receive('{"jsonrpc":"2.0","error":{"code":-32003,"message":"away","data":{"code":"offline"}},"id":2}');
    expect([await asked[0], await asked[2]]).toEqual([false, null]);
    await expect(asked[1]).rejects.toMatchObject({ code: -32003, kind: "offline", message: "away" });
    expect([peer.pending, world.timers.length, sent.length]).toEqual([0, 0, 0]);
  });

  it("are not ended by what is no answer to them", async () => {
    const asked = peer.request("a");
    for (const id of ["1", 2, null, [1], "__proto__"]) peer.receive(JSON.stringify({ jsonrpc: "2.0", result: 1, id }));
    expect([peer.unexpected, peer.pending]).toEqual([5, 1]);
    peer.receive('{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":"both"},"id":1}');
    await expect(asked).rejects.toMatchObject({ code: -32600 });
    expect(sent).toHaveLength(1);
  });

  it("end at their deadline, and when the connection does", async () => {
    const [late, left] = [peer.request("a", [], 5), peer.request("b", [], 50)];
    world.pass(5);
    await expect(late).rejects.toMatchObject({ kind: "timeout" });
    peer.receive('{"jsonrpc":"2.0","result":1,"id":1}');
    expect(peer.unexpected).toBe(1);
    peer.close();
    peer.close();
    await expect(left).rejects.toMatchObject({ kind: "left" });
    await expect(peer.request("c")).rejects.toMatchObject({ kind: "left" });
    expect(world.timers).toEqual([]);
    said();
    peer.receive(JSON.stringify(call("a")));
    peer.notify("n");
    expect(said()).toEqual([]);
  });

  it("are at most so many, and only what JSON can say", async () => {
    await expect(peer.request("a", [1n])).rejects.toThrow(RpcError);
    expect(peer.pending).toBe(0);
    for (let count = 0; count < MAX_CALLS; count += 1) peer.request("a").catch(() => undefined);
    await expect(peer.request("a")).rejects.toMatchObject({ kind: "busy" });
    peer.close();
  });
});

describe("two peers", () => {
  it("answer each call of any interleaving exactly once", async () => {
    let seed = 11;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 100; round += 1) {
      const [toA, toB]: [string[], string[]] = [[], []];
      const a = new Peer((text) => toB.push(text), { after: world.after });
      const b = new Peer((text) => toA.push(text), { after: world.after, version: random(2) === 0 ? 1 : 2 });
      const waiting: (() => void)[] = [];
      for (const each of [a, b]) {
        each.method("now", (x: number) => x);
        each.method("later", (x: number) => new Promise((resolve) => waiting.push(() => resolve(x))));
        each.method("no", () => {
          throw new RpcError(5, "no");
        });
      }
      let endings = 0;
      const calls: Promise<void>[] = [];
      for (let step = 0; step < 60; step += 1) {
        const act = random(6);
        if (act < 3) {
          const method = ["now", "later", "no"][random(3)] as string;
          const asked = (random(2) === 0 ? a : b).request(method, [step]);
          const check = (result: unknown): void => {
            endings += 1;
            if (result instanceof RpcError) expect(result.kind === "left" || (method === "no" && result.code === 5)).toBe(true);
            else expect([method === "no", result]).toEqual([false, step]);
          };
          calls.push(asked.then(check, check));
        } else if (act === 3) a.receive(toA.shift() ?? '{"jsonrpc":"2.0","result":1,"id":99999}');
        else if (act === 4) b.receive(toB.shift() ?? "[]");
        else waiting.splice(random(waiting.length), 1)[0]?.();
        if (random(4) === 0) await Promise.resolve();
      }
      if (random(2) === 0) {
        for (let turn = 0; turn < 200 && a.pending + b.pending > 0; turn += 1) {
          for (const resolve of waiting.splice(0)) resolve();
          for (const text of toA.splice(0)) a.receive(text);
          for (const text of toB.splice(0)) b.receive(text);
          await Promise.resolve();
        }
        expect([a.pending, b.pending]).toEqual([0, 0]);
      }
      a.close();
      b.close();
      await Promise.all(calls);
      expect(endings).toBe(calls.length);
    }
    expect(world.timers).toEqual([]);
  });

  it("survive 200,000 hostile texts", { timeout: 120_000 }, async () => {
    let seed = 5;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;
    const values = [null, true, 0, -1, 1e308, "", "2.0", "m", "__proto__", [], {}, [1], { code: 1, message: "x" }, { a: { b: [] } }, { code: "x" }];
    const keys = ["jsonrpc", "id", "method", "params", "result", "error", "__proto__", "constructor"];
    const message = (): unknown => {
      if (random(12) === 0) return pick(values);
      const made: Record<string, unknown> = {};
      if (random(3) > 0) made["jsonrpc"] = "2.0";
      for (let count = random(5); count > 0; count -= 1) Object.defineProperty(made, pick(keys), { value: pick(values), enumerable: true, configurable: true });
      return made;
    };
    peer.method("m", (...given: unknown[]) => given);
    const open = peer.request("open", [], 1e9);
    for (let count = 0; count < 200_000; count += 1) {
      const kind = random(10);
      let text = JSON.stringify(kind === 0 ? Array.from({ length: random(5) }, message) : message());
      if (kind === 1) text = text.slice(0, random(text.length));
      else if (kind === 2) text = text.slice(0, random(text.length)) + pick(["\u0000", "}", "[", '"', "\ud800", ","]) + text.slice(random(text.length));
      peer.receive(text);
      if (count % 1000 === 0) {
        await settled();
        for (const answer of sent.splice(0)) JSON.parse(answer);
      }
    }
    expect(peer.malformed).toBeGreaterThan(50_000);
    expect(({} as Record<string, unknown>)["code"]).toBeUndefined();
    sent.length = 0;
    peer.receive(JSON.stringify(call("m", [1])));
    expect(said()).toEqual([{ jsonrpc: "2.0", result: [1], id: 1 }]);
    peer.close();
    await expect(open).rejects.toBeInstanceOf(RpcError);
  });
});
