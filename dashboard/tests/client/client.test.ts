// SPDX-License-Identifier: BSD-3-Clause
import { beforeEach, describe, expect, it, vi } from "vitest";
import { rpcUrl } from "../../client/address.js";
import { arip as Arip } from "../../client/arip.js";
import { DEVICE_MS, MARGIN_MS } from "../../client/client.js";
import { Client, RpcError, type View } from "../../client/index.js";
import type { Change } from "../../client/view.js";
import { FakeWorld, settled } from "./fake_world.ts";

let world: FakeWorld;
let client: Client;

beforeEach(async () => {
  world = new FakeWorld();
  client = new Client("broker", { world });
  await world.last.opens();
});

/** The connection breaks, and the next one opens. */
async function reconnects(): Promise<void> {
  world.last.closes();
  world.pass(client.status.state === "lost" ? client.status.nextTryMs - world.nowMs : NaN);
  await world.last.opens();
}

const value = (data: number, uid = "coap/a") => ({ type: "value", uid, resource: "t", data, value: data, at: 1000 * data }) as const;
const here = (uid = "coap/a") => ({ type: "node", uid, gateway: "coap", protocol: "CoAP", firstSeen: 5 }) as const;

describe("an address", () => {
  it.each([
    ["localhost", "ws://localhost:8000/rpc"],
    ["pi.local:9000", "ws://pi.local:9000/rpc"],
    ["http://pi.local", "ws://pi.local:8000/rpc"],
    ["http://pi.local:80", "ws://pi.local:80/rpc"],
    ["ws://localhost:8000/rpc", "ws://localhost:8000/rpc"],
    ["ws://localhost/rpc", "ws://localhost/rpc"],
    ["https://iot.example.org", "wss://iot.example.org/rpc"],
    ["https://iot.example.org/farm/", "wss://iot.example.org/farm/rpc"],
    ["wss://iot.example.org:444/farm/rpc", "wss://iot.example.org:444/farm/rpc"],
    ["[::1]:8000", "ws://[::1]:8000/rpc"],
  ])("%s is %s", (address, url) => {
    expect(rpcUrl(address)).toBe(url);
  });

  it.each(["", " ", "ftp://x", "http://", "a:b", "localhost:99999", "x y", "http://me@x"])("is not %j", (address) => {
    expect(() => rpcUrl(address)).toThrow("is no address of a broker, such as");
  });
});

describe("nodes that went, and gateways", () => {
  it("are asked for in pages, dismissed, and listed", async () => {
    const [one, two] = [{ uid: "coap/a", why: "timeout" }, { uid: "coap/b", why: "closed" }];
    const all = client.departed();
    await settled();
    await world.last.answers("nodes.departed", { nodes: [one], next: "coap/a" });
    expect(world.last.asked("nodes.departed").params).toMatchObject({ after: "coap/a" });
    await world.last.answers("nodes.departed", { nodes: [two], next: null });
    expect(await all).toEqual([one, two]);
    const dismissed = client.dismiss("coap/a");
    await settled();
    expect(world.last.asked("nodes.dismiss").params).toEqual({ uid: "coap/a" });
    await world.last.refuses("nodes.dismiss", -32002, "unknown");
    await expect(dismissed).rejects.toMatchObject({ kind: "unknown" });
    const gateways = client.gateways();
    await settled();
    await world.last.answers("gateways.list", { gateways: [{ gateway: "coap", state: "connected", nodes: 1, doors: [] }] });
    expect((await gateways).map(({ gateway }) => gateway)).toEqual(["coap"]);
  });
});

describe("a watch", () => {
  let told: { changes: readonly Change[]; view: View }[];

  beforeEach(() => {
    told = [];
  });

  it("begins at once, and tells what is news", async () => {
    const watch = client.watch({ type: "temperature", uid: ["a", "b"] }, (each) => told.push(each));
    expect(world.last.asked("nodes.watch").params).toEqual({ type: "temperature", uid: ["a", "b"] });
    await world.last.answers("nodes.watch", { watch: 7, resumed: false });
    await world.last.tells("nodes.changed", { watch: 8, version: 1, changes: [value(9)] });
    await world.last.tells("nodes.changed", { watch: 7, version: 1, changes: [here(), value(1)] });
    expect(told.map(({ changes }) => changes)).toEqual([[here(), value(1)]]);
    await world.last.tells("nodes.changed", { watch: 7, version: 2, changes: [here()], synced: true });
    expect((await watch.synced()).nodes.get("coap/a")?.values.get("t")?.data).toBe(1);
    expect(told.at(-1)?.changes).toEqual([{ type: "synced" }]);
    watch.close();
    expect(world.last.sent.at(-1)).toMatchObject({ method: "nodes.unwatch", params: { watch: 7 } });
    await world.last.tells("nodes.changed", { watch: 7, version: 3, changes: [value(2)] });
    expect(told).toHaveLength(2);
  });

  it("hears what comes in one text with its number", async () => {
    const watch = client.watch({}, (each) => told.push(each));
    const { id } = world.last.asked("nodes.watch");
    const changed = { jsonrpc: "2.0", method: "nodes.changed", params: { watch: 1, version: 1, changes: [here()], synced: true } };
    await world.last.says([changed, { jsonrpc: "2.0", id, result: { watch: 1, resumed: false } }]);
    expect((await watch.synced()).nodes.size).toBe(1);
  });

  it("goes on from where it was over a lost connection", async () => {
    const watch = client.watch({}, (each) => told.push(each));
    await world.last.answers("nodes.watch", { watch: 1, resumed: false });
    await world.last.tells("nodes.changed", { watch: 1, version: 41, changes: [here(), value(1)], synced: true });
    told.length = 0;
    await reconnects();
    expect(world.last.asked("nodes.watch").params).toEqual({ since: 41 });
    await world.last.answers("nodes.watch", { watch: 3, resumed: true });
    expect(client.status.state).toBe("connected");
    await world.last.tells("nodes.changed", { watch: 3, version: 42, changes: [value(2)], synced: true });
    expect(told.map(({ changes }) => changes)).toEqual([[value(2)]]);
    await reconnects();
    await world.last.answers("nodes.watch", { watch: 1, resumed: false });
    await world.last.tells("nodes.changed", { watch: 1, version: 5, changes: [here("coap/b")], synced: true });
    expect([...watch.view.nodes.keys()]).toEqual(["coap/b"]);
    expect(told.at(-1)?.changes).toEqual([here("coap/b"), { type: "gone", uid: "coap/a" }, { type: "synced" }]);
  });

  it("asks for details where they are wanted, again on the next connection, and knows the broker's clock", async () => {
    const watch = client.watch({ uid: "coap/a", details: true }, (each) => told.push(each));
    expect(watch.clockOffsetMs).toBe(0);
    expect(world.last.asked("nodes.watch").params).toEqual({ uid: "coap/a", details: true });
    world.pass(40);
    await world.last.answers("nodes.watch", { watch: 1, resumed: false, now: world.nowMs + 90_000 });
    expect(watch.clockOffsetMs).toBe(90_000);
    const details = [{ type: "liveness", uid: "coap/a", lastSeen: 7, timeout: 120_000 }, { type: "about", uid: "coap/a", resource: "t", about: { max: 9 } }];
    await world.last.tells("nodes.changed", { watch: 1, version: 3, changes: [here(), ...details], synced: true });
    expect(watch.view.nodes.get("coap/a")).toMatchObject({ lastSeen: 7, timeout: 120_000, interval: null });
    expect(watch.view.nodes.get("coap/a")?.abouts.get("t")).toEqual({ max: 9 });
    await reconnects();
    expect(world.last.asked("nodes.watch").params).toEqual({ uid: "coap/a", details: true, since: 3 });
    await world.last.answers("nodes.watch", { watch: 1, resumed: true, now: world.nowMs - 5 });
    expect(watch.clockOffsetMs).toBe(-5);
  });

  it("ends by an error that is its own, and keeps the connection", async () => {
    const failures: RpcError[] = [];
    const [wrong, right] = [client.watch({ glob: "" }, undefined, (error) => failures.push(error)), client.watch({})];
    const synced = wrong.synced();
    const ids = world.last.sent.map(({ id }) => id);
    await world.last.says({ jsonrpc: "2.0", id: ids[0], error: { code: -32602, message: "Invalid params" } });
    await expect(synced).rejects.toBe(failures[0]);
    expect(wrong.failure).toBe(failures[0]);
    await world.last.says({ jsonrpc: "2.0", id: ids[1], result: { watch: 2, resumed: false } });
    expect(right.number).toBe(2);
    await reconnects();
    expect(world.last.methods).toEqual(["nodes.watch"]);
  });

  it("that was ended before it began is ended at the broker", async () => {
    client.watch({}, (each) => told.push(each)).close();
    await world.last.answers("nodes.watch", { watch: 4, resumed: false });
    expect(world.last.sent.at(-1)).toMatchObject({ method: "nodes.unwatch", params: { watch: 4 } });
  });

  it("that may not be is refused; the token is asked for, and then it begins", async () => {
    world = new FakeWorld();
    client = new Client("broker", { world });
    client.watch({}, (each) => told.push(each));
    await world.last.opens();
    await world.last.refuses("nodes.watch", -32001, "forbidden", "a token is needed");
    expect(client.status).toMatchObject({ state: "refused", needsToken: true, reason: "This broker wants an access token. It says: “a token is needed”" });
    await expect(client.request("rpc.discover")).rejects.toMatchObject({ kind: "forbidden" });
    client.useToken("secret");
    await world.last.opens();
    await world.last.answers("session.authenticate", { role: "viewer" });
    await world.last.answers("nodes.watch", { watch: 1, resumed: false });
    expect(client.status.state).toBe("connected");
  });

  it("is not disturbed by a listener that fails, nor by nonsense", async () => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const watch = client.watch({}, () => {
      throw new Error("fault");
    });
    await world.last.answers("nodes.watch", { watch: 1, resumed: false });
    for (const params of [null, 5, [], { watch: 1, version: 1, changes: [null, 1, {}] }]) await world.last.tells("nodes.changed", params);
    await world.last.tells("nodes.changed", { watch: 1, version: 1, changes: [here()], synced: true });
    expect(watch.view.nodes.size).toBe(1);
    expect(logged).toHaveBeenCalledTimes(1);
    logged.mockRestore();
  });
});

describe("a call", () => {
  it("waits for a connection, and ends with it", async () => {
    world.last.closes();
    const waiting = client.write("coap/a", "led", 1);
    world.pass(1000);
    await world.last.opens();
    expect(world.last.asked("nodes.write").params).toEqual({ uid: "coap/a", resource: "led", data: 1 });
    await reconnects();
    await expect(waiting).rejects.toMatchObject({ kind: "left" });
    expect(world.last.methods, "nobody knows whether it happened").toEqual([]);
  });

  it("says that there is no connection, at its deadline", async () => {
    world.last.closes();
    const asked = client.node("coap/a");
    await settled();
    world.pass(DEVICE_MS);
    await expect(asked).rejects.toMatchObject({ kind: "offline" });
    client.close();
    await expect(client.node("coap/a")).rejects.toMatchObject({ kind: "offline" });
  });

  it("waits a little longer than the broker does", async () => {
    const asked = client.call("lamp", "dim", [5], 2000);
    expect(world.last.asked("entities.call").params).toEqual({ id: "lamp", method: "dim", params: [5], timeout: 2 });
    const late = expect(asked).rejects.toMatchObject({ kind: "timeout" });
    world.pass(2000 + MARGIN_MS - 1);
    await world.last.tells("nothing", []);
    world.pass(1);
    await late;
  });

  it("takes all pages", async () => {
    const all = client.nodes({ type: "temperature" });
    await world.last.answers("nodes.list", { nodes: [1, 2], next: "b", version: 1 });
    expect(world.last.asked("nodes.list").params).toEqual({ type: "temperature", limit: 1000, after: "b" });
    await world.last.answers("nodes.list", { nodes: [3], next: null, version: 1 });
    expect(await all).toEqual([1, 2, 3]);
  });
});

describe("an entity", () => {
  it("offers what it declared, and is the same one after a lost connection", async () => {
    client.method("say", (text: string) => `said ${text}`, { description: "Says it", params: ["text", { name: "times", type: "integer", required: false }] });
    const registering = client.register({ id: "tab", type: "page" });
    const methods = [{ name: "say", description: "Says it", params: [{ name: "text" }, { name: "times", type: "integer", required: false }] }];
    expect(world.last.asked("entities.register").params).toEqual({ id: "tab", type: "page", methods });
    await world.last.answers("entities.register", { id: "tab", uid: "peer/tab", token: "t0" });
    expect(await registering).toEqual(client.registration);
    await world.last.says({ jsonrpc: "2.0", id: "x", method: "say", params: { text: "hi" } });
    expect(world.last.sent.at(-1)).toEqual({ jsonrpc: "2.0", id: "x", result: "said hi" });
    await reconnects();
    expect(world.last.asked("entities.register").params).toEqual({ id: "tab", type: "page", methods, token: "t0" });
    await world.last.refuses("entities.register", -32010, "taken");
    expect([client.registration, client.status.state]).toEqual([null, "connected"]);
    await reconnects();
    expect(world.last.methods).toEqual([]);
  });

  it("does not offer the library's own methods, nor anything else", async () => {
    expect(() => client.method("nodes.changed", () => 1)).toThrow(RangeError);
    for (const method of ["constructor", "request", "close", "__proto__"]) {
      await world.last.says({ jsonrpc: "2.0", id: 1, method });
      expect(world.last.sent.at(-1)).toMatchObject({ error: { code: -32601 } });
    }
  });

  it("is heard by topic or whole, also after a lost connection, until nobody listens", async () => {
    const heard: unknown[] = [];
    const subscribing = [client.subscribe("lamp", ({ content }) => heard.push(content), "level"), client.subscribe("lamp", ({ content }) => heard.push(["all", content]))];
    await settled();
    for (const { id } of world.last.sent.filter(({ method }) => method === "entities.subscribe")) await world.last.says({ jsonrpc: "2.0", id, result: true });
    const [end, endAll] = await Promise.all(subscribing);
    await world.last.tells("entities.published", { id: "lamp", topic: "level", content: 0 });
    await world.last.tells("entities.published", { id: "lamp", topic: "colour", content: "red" });
    await world.last.tells("entities.published", { id: "other", content: 1 });
    await world.last.tells("entities.published", 5);
    expect(heard).toEqual([0, ["all", 0], ["all", "red"]]);
    await reconnects();
    await world.last.refuses("entities.subscribe", -32002, "unknown");
    await world.last.answers("entities.subscribe", true);
    expect(client.status.state).toBe("connected");
    end?.();
    end?.();
    endAll?.();
    expect(world.last.methods.filter((method) => method === "entities.unsubscribe")).toHaveLength(2);
  });

  it("that comes and goes is told of", async () => {
    const heard: unknown[] = [];
    const watching = client.watchRegistrations((event) => heard.push(event));
    await settled();
    await world.last.answers("entities.watchRegistrations", true);
    const end = await watching;
    await world.last.tells("entities.registered", { id: "a", type: "lamp", kind: "peer" });
    await world.last.tells("entities.left", { id: "a" });
    expect(heard).toEqual([{ id: "a", type: "lamp", kind: "peer", left: false }, { id: "a", left: true }]);
    end();
    expect(world.last.sent.at(-1)).toMatchObject({ method: "entities.watchRegistrations", params: { watch: false } });
  });
});

describe("arip's functions (AR-10)", () => {
  it("are on the same entities", async () => {
    world = new FakeWorld();
    const arip = new Arip("x", "screen", "broker", { world });
    const [errors, got]: [string[], unknown[]] = [[], []];
    arip.setErrorCallback((error) => errors.push(error));
    await arip.publish("too early");
    expect(errors.splice(0)).toEqual(["there is no connection: connect first"]);
    expect(() => arip.registerFunction("noSuchFunction", "[]", "string")).toThrow(TypeError);
    arip.registerFunction("add", '[{"name": "a", "type": "number"}, {"name": "b", "type": "number"}]', "number", (a: number, b: number) => a + b);
    const connecting = arip.connect();
    await world.last.opens();
    const params = [{ name: "a", type: "number" }, { name: "b", type: "number" }];
    expect(world.last.asked("entities.register").params).toEqual({ id: "x", type: "screen", methods: [{ name: "add", params, result: { type: "number" } }] });
    await world.last.answers("entities.register", { id: "x", uid: "peer/x", token: "t" });
    await connecting;

    const ask = async (asking: Promise<void>, method: string, result: unknown): Promise<void> => {
      await settled();
      await world.last.answers(method, result);
      await asking;
    };
    await ask(arip.getAllEntities((all) => got.push(all)), "entities.list", { entities: [{ id: "y", type: "lamp", kind: "peer" }], next: null });
    const entity = { id: "y", uid: "peer/y", kind: "peer", type: "lamp", methods: [{ name: "dim", params: [{ name: "to" }] }], topics: [], subscribers: 2 };
    await ask(arip.getEntity("y", (each) => got.push(each)), "entities.get", entity);
    await ask(arip.getEntitiesByType("lamp", (each) => got.push(each)), "entities.byType", ["y"]);
    await ask(arip.getAllTypes((each) => got.push(each)), "entities.types", ["lamp", "screen"]);
    await ask(arip.callMethod("dim", "[5]", "y", (each) => got.push(each)), "entities.call", null);
    expect(got).toEqual([
      [{ id: "y", type: "lamp" }],
      { id: "y", type: "lamp", observers: 2, methods: [{ methodName: "dim", parameters: [{ name: "to", type: "" }], returnType: "" }] },
      { type: "lamp", idlist: ["y"] },
      ["lamp", "screen"],
      null,
    ]);

    const heard: unknown[] = [];
    arip.setPublishCallback((content, sender) => heard.push([content, sender]));
    arip.setRegistrationsCallback((event) => heard.push(event));
    await ask(arip.subscribeTo("y"), "entities.subscribe", true);
    await ask(arip.subscribeToRegistrations(), "entities.watchRegistrations", true);
    await world.last.tells("entities.published", { id: "y", content: { "it's": '"quoted"' } });
    await world.last.tells("entities.registered", { id: "z", type: "lamp", kind: "peer" });
    await world.last.tells("entities.left", { id: "z" });
    expect(heard).toEqual([[{ "it's": '"quoted"' }, "y"], { register: "z" }, { unregister: "z" }]);
    arip.unsubscribeFrom("y");
    arip.unsubscribeFromRegistrations();
    const calling = arip.callMethod("dim", [5], "z", () => got.push("never"));
    await world.last.refuses("entities.call", -32002, "unknown", "there is no such entity");
    await calling;
    expect(errors).toEqual(["there is no such entity"]);
    await world.last.says({ jsonrpc: "2.0", id: 1, method: "add", params: [1, 2] });
    expect(world.last.sent.at(-1)).toEqual({ jsonrpc: "2.0", id: 1, result: 3 });
    arip.close();
    expect(world.last.closed).toBe(true);
  });
});
