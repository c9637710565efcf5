// SPDX-License-Identifier: BSD-3-Clause
// What somebody does who knows JSON-RPC and the npm package rpc-websockets, and nothing of pyaiot.
// Prints what it found as one line of JSON.

import { Client } from "rpc-websockets";

const [url, token] = process.argv.slice(2);
const client = new Client(url, { reconnect: false });
const told = [];
const synced = new Promise((resolve) =>
  client.on("nodes.changed", (params) => {
    told.push(...params.changes);
    if (params.synced) resolve();
  }),
);
const failed = async (call) => call.then(() => null, (error) => error);

client.on("open", async () => {
  const before = await failed(client.call("nodes.list"));
  const role = await client.call("session.authenticate", { token });
  const [page, node] = await Promise.all([
    client.call("nodes.list", { type: "temperature" }),
    client.call("nodes.get", ["coap/1"]),
  ]);
  const watch = await client.call("nodes.watch");
  await synced;
  await client.notify("nodes.unwatch", [watch.watch]);
  const missing = await failed(client.call("no.such.method"));
  const offline = await failed(client.call("nodes.write", { uid: "coap/9", resource: "led", data: 1 }));
  console.log(JSON.stringify({ before, role, page, node, told, missing, offline }));
  client.close();
});
