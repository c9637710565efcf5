// SPDX-License-Identifier: BSD-3-Clause
// What the logic of the page costs, without a browser: `node --expose-gc bench/live.js`. Prints figures, judges nothing.
import { runnerImport } from "vite";
import { View } from "../client/index.js";

const { module: live } = await runnerImport("./src/live/store.ts");
const collect = globalThis.gc ?? (() => console.log("# heap figures want node --expose-gc"));
const MEGABYTE = 2 ** 20;
const NAMES = ["temperature", "pressure", "humidity", "led", "name", "board"];

/** What a broker tells of `count` nodes with six resources each. */
function snapshot(count) {
  const told = [];
  for (let index = 0; index < count; index += 1) {
    const uid = `coap/node-${String(index)}`;
    told.push({ type: "node", uid, gateway: "coap", protocol: "CoAP", firstSeen: 1 });
    for (const resource of NAMES) {
      const data = resource === "name" || resource === "board" ? `${resource} ${String(index)}` : 20.5 + (index % 10);
      told.push({ type: "value", uid, resource, data, value: data, at: 1_000_000 + index });
    }
    told.push({ type: "liveness", uid, lastSeen: 1_000_500 + index, interval: 30_000, timeout: 120_000 });
  }
  return told;
}

/** As the page takes it: the text of a message, the watch's view, slices of the store. */
function* slices(store, view, told, size) {
  for (let start = 0; start < told.length; start += size) {
    const text = JSON.stringify(told.slice(start, start + size));
    const beganMs = performance.now();
    const news = view.apply(JSON.parse(text), start + size >= told.length);
    store.apply(news, 2_000_000);
    yield performance.now() - beganMs;
  }
}

function heapMb() {
  collect();
  return process.memoryUsage().heapUsed / MEGABYTE + process.memoryUsage().arrayBuffers / MEGABYTE;
}

{
  const before = heapMb();
  const view = new View();
  const store = new live.Store(view);
  const told = snapshot(5000);
  const with_told = heapMb() - before;
  const tookMs = [...slices(store, view, told, 256)].slice(10);
  const total = tookMs.reduce((sum, each) => sum + each, 0);
  console.log(`5,000 nodes × 6: ${total.toFixed(0)} ms in all, longest slice of 256 ${Math.max(...tookMs).toFixed(1)} ms`);
  console.log(`  heap of the view and the store ${(heapMb() - before - with_told).toFixed(1)} MB; ${String(store.nodes.size)} nodes`);
}
{
  const view = new View();
  const store = new live.Store(view);
  for (const _ of slices(store, view, snapshot(500), 4000)) void _;
  const hours = Number(process.argv[2] ?? 8);
  // 500 devices × 5 a second for so long is too much to wait for: as many values as fill every history several times.
  const rounds = hours * 450;
  let atMs = 2_000_000;
  let tookMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    atMs += 200;
    const told = [];
    for (let index = 0; index < 500; index += 1) {
      const value = 20 + Math.sin(round / 10);
      told.push({ type: "value", uid: `coap/node-${String(index)}`, resource: NAMES[round % 3], data: value, value, at: atMs });
    }
    // A frame has some 42 of 2,500 a second.
    for (const each of slices(store, view, told, 42)) tookMs += each;
    if (round % (rounds / 4) === rounds / 4 - 1) console.log(`  after ${String((round + 1) * 500)} values: ${heapMb().toFixed(1)} MB`);
  }
  console.log(`500 devices × 5/s: ${((tookMs / (rounds * 500)) * 2500).toFixed(1)} ms of script a second, of 2,500 values`);
}
