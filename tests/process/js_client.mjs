// SPDX-License-Identifier: BSD-3-Clause
// The JavaScript client in Node.js, with the WebSocket of the package ws: `node js_client.mjs <broker> <uid>`.
// It says what it sees, a line each, and goes on over lost connections until SIGTERM.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Client } from "../../dashboard/client/index.js";
import { arip as Arip } from "../../dashboard/client/arip.js";

const { WebSocket } = createRequire(import.meta.url)("ws");
const [, , broker, uid] = process.argv;
const say = (...words) => console.log(...words);

if (globalThis.WebSocket === undefined) assert.throws(() => new Client(broker), /give one, such as that of the package ws/);
const caller = new Client(broker, { WebSocket, onStatus: ({ state }) => say("status", state) });
const callee = new Client(broker, { WebSocket });

callee.method("subtract", (minuend, subtrahend) => minuend - subtrahend, {
  description: "The difference",
  params: [{ name: "minuend", type: "number" }, { name: "subtrahend", type: "number" }],
});
callee.method("never", () => new Promise(() => undefined));
const registration = await callee.register({ id: "callee", type: "example", description: "For a test" });
assert.deepEqual([registration.id, registration.uid], ["callee", "peer/callee"]);

assert.equal(await caller.call("callee", "subtract", [42, 23]), 19);
assert.equal(await caller.call("callee", "subtract", { subtrahend: 23, minuend: 42 }), 19);
const fails = (promise, kind) => assert.rejects(promise, (error) => (assert.equal(error.kind ?? error.code, kind), true));
await fails(caller.call("callee", "subtract", ["a", 1]), -32602);
await fails(caller.call("callee", "constructor"), -32601);
await fails(caller.call("nobody", "subtract", [1, 2]), "unknown");
await fails(caller.call("callee", "never", [], 200), "timeout");
await fails(caller.register({ id: "callee" }), "taken");
await fails(caller.node("coap/nobody"), "unknown");
await fails(caller.watch({ type: 5 }, undefined, () => undefined).synced(), -32602);

const entity = await caller.entity("callee");
assert.deepEqual(entity.methods.map(({ name }) => name).sort(), ["never", "subtract"]);
assert.deepEqual(await caller.entities({ kind: "peer" }), [{ id: "callee", type: "example", kind: "peer" }]);
assert.equal((await caller.node(uid)).state, "online");

const events = [];
await caller.watchRegistrations(({ id, left }) => events.push([id, left]));
const arip = new Arip("", "screen", broker, { WebSocket });
await arip.connect();
const told = new Promise((resolve) => arip.setPublishCallback((content, sender) => resolve([content, sender])));
await arip.subscribeTo("callee");
assert.deepEqual(await callee.publish({ text: 'it\'s "quoted"' }), { subscribers: 1 });
assert.deepEqual(await told, [{ text: 'it\'s "quoted"' }, "callee"]);
const types = await new Promise((resolve) => arip.getAllTypes(resolve));
assert.ok(types.includes("screen") && types.includes("example"));
const { id } = arip;
arip.close();
while (!events.some(([gone, left]) => gone === id && left)) await new Promise((resolve) => setTimeout(resolve, 10));
assert.deepEqual(events[0], [id, false]);

let level = null;
const watch = caller.watch({ uid: [uid, "peer/callee"] }, ({ changes, view }) => {
  for (const change of changes) {
    if (change.type === "value" && change.resource === "level") say("level", (level = change.value));
    if (change.type === "node") say("node", change.uid, view.state(view.nodes.get(change.uid)));
    if (change.type === "gone" || change.type === "synced") say(change.type, change.uid ?? "");
  }
});
await watch.synced();
assert.equal((await caller.write(uid, "led", "1")).data, "1");
assert.equal((await caller.read(uid, "led")).data, "1");
assert.equal(watch.view.nodes.get(uid).values.get("led").data, "1");
say("ready");

// Goes on until it is told to end; what is lost on the way is told.
let wanted = true;
process.on("SIGTERM", () => (wanted = false));
for (let next = 1; wanted; next += 1) {
  await callee.publish(next, "level").catch(({ kind }) => say("failed", kind));
  await new Promise((resolve) => setTimeout(resolve, 50));
}
assert.ok(level > 1);
assert.equal(watch.view.nodes.get("peer/callee").values.get("level").value, level);
caller.close();
callee.close();
say("done");
