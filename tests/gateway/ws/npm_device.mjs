// SPDX-License-Identifier: BSD-3-Clause
// A WebSocket device on the npm package ws: node npm_device.mjs <url> [<id> <token>]
//
// With a token it speaks echo-protocol. Each line it prints is a JSON object: what happened to it. Each line that it is
// given is one, too: what to do.

import { createInterface } from "node:readline";
import WebSocket from "ws";

const [url, id, token] = process.argv.slice(2);
const values = { name: "Schaltkästchen", led: "0", temperature: 21.5 };

const socket = new WebSocket(url, token === undefined ? [] : ["echo-protocol"]);
const print = (happened) => console.log(JSON.stringify(happened));
const say = (message) => socket.send(JSON.stringify(message));
const report = (names) => say({ type: "update", data: Object.fromEntries(names.map((name) => [name, values[name]])) });

function set(name, value) {
  values[name] = String(value);
  report([name]);
}

socket.on("open", () => {
  print({ open: true, protocol: socket.protocol, extensions: socket.extensions });
  if (token !== undefined) say({ type: "device", deviceId: id, deviceToken: token });
});
socket.on("message", (data, isBinary) => {
  const message = JSON.parse(data);
  print({ heard: message, isBinary });
  if (message.request === "discover" || message.code === 200) report(Object.keys(values));
  else if (message.endpoint !== undefined) set(message.endpoint, message.payload);
  else if (message.code === 1024) {
    for (const { name, value } of message.content.content.params) set(name.toLowerCase(), value);
  }
});
socket.on("ping", () => print({ ping: true }));
socket.on("unexpected-response", (request, response) => {
  print({ status: response.statusCode });
  request.destroy();
});
socket.on("error", (error) => print({ error: error.message }));
socket.on("close", (code, reason) => {
  print({ closed: code, reason: reason.toString() });
  process.exit(0);
});

const TO_DO = {
  send: (text) => socket.send(text),
  binary: (text) => socket.send(Buffer.from(text)),
  parts: (parts) => parts.forEach((part, n) => socket.send(part, { fin: n === parts.length - 1 })),
  close: (code) => socket.close(code),
  terminate: () => socket.terminate(),
};
createInterface({ input: process.stdin }).on("line", (line) => {
  for (const [verb, argument] of Object.entries(JSON.parse(line))) TO_DO[verb](argument);
});
