// SPDX-License-Identifier: BSD-3-Clause
// A real MicroPython that runs one script with the firmware library: node vm.mjs <script.py> [argument …]
//
// Its build has neither sockets, nor os.urandom, nor SHA-1; Node gives them through the module `bridge`, and the files
// in vm/ make MicroPython's own modules of it. Lines of this process's input are read with bridge.line().

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
// The library: from source, or compiled by the test into a folder.
const FIRMWARE = process.env.AIOT_FIRMWARE ?? path.join(HERE, "..", "..", "firmware", "micropython");

// A socket's buffer to send is full beyond this, as on a board.
const SEND_ROOM = 2048;

const sockets = new Map();
const lines = [];
let nextSocket = 1;

const bridge = {
  arguments: process.argv.slice(3),
  connect(host, port) {
    const number = nextSocket++;
    const state = { connected: false, failed: false, ended: false, chunks: [], socket: net.connect(port, host) };
    state.socket.setNoDelay(true);
    state.socket.on("connect", () => (state.connected = true));
    state.socket.on("data", (chunk) => {
      state.chunks.push(chunk);
      if (state.chunks.length > 16) state.socket.pause();
    });
    state.socket.on("end", () => (state.ended = true));
    state.socket.on("close", () => (state.ended = true));
    state.socket.on("error", () => (state.failed = true));
    sockets.set(number, state);
    return number;
  },
  writable: (number) => sockets.get(number).connected && sockets.get(number).socket.writableLength < SEND_ROOM,
  readable: (number) => sockets.get(number).chunks.length > 0 || sockets.get(number).ended,
  failed: (number) => sockets.get(number).failed,
  // The bytes in hexadecimal; "" at the end of the stream; null where there is nothing yet.
  receive(number, most) {
    const state = sockets.get(number);
    if (state.chunks.length === 0) return state.ended ? "" : null;
    const chunk = state.chunks[0];
    if (chunk.length > most) state.chunks[0] = chunk.subarray(most);
    else state.chunks.shift();
    if (state.chunks.length === 0) state.socket.resume();
    return chunk.subarray(0, most).toString("hex");
  },
  // How many bytes fit.
  send(number, hex) {
    const state = sockets.get(number);
    const data = Buffer.from(hex, "hex").subarray(0, Math.max(0, SEND_ROOM - state.socket.writableLength));
    if (data.length > 0) state.socket.write(data);
    return data.length;
  },
  close(number) {
    sockets.get(number)?.socket.destroy();
    sockets.delete(number);
  },
  random: (count) => randomBytes(count).toString("hex"),
  sha1: (hex) => createHash("sha1").update(Buffer.from(hex, "hex")).digest("hex"),
  line: () => lines.shift() ?? null,
};

function copy(mp, from, to) {
  mp.FS.mkdirTree(to);
  for (const name of readdirSync(from)) {
    const source = path.join(from, name);
    if (statSync(source).isDirectory()) {
      if (name !== "__pycache__") copy(mp, source, `${to}/${name}`);
    } else if (name.endsWith(".py") || name.endsWith(".mpy")) mp.FS.writeFile(`${to}/${name}`, readFileSync(source));
  }
}

let code = 0;
try {
  const mp = await loadMicroPython({ heapsize: 256 * 1024, stdout: (line) => console.log(line), linebuffer: true });
  mp.registerJsModule("bridge", bridge);
  copy(mp, FIRMWARE, "/firmware");
  copy(mp, path.join(HERE, "vm"), "/vm");
  copy(mp, path.join(HERE, "pure"), "/pure");
  copy(mp, path.join(HERE, "doubles"), "/doubles");
  mp.runPython("import sys; sys.path[:0] = ['/', '/vm', '/firmware', '/pure']; import board_modules");
  readline.createInterface({ input: process.stdin }).on("line", (line) => lines.push(line));

  // Each of STEPS begins with nothing of Python running: only then does this build collect garbage.
  mp.FS.writeFile("/script.py", readFileSync(process.argv[2]));
  mp.runPython("import script; steps = len(script.STEPS)");
  const steps = mp.globals.get("steps");
  for (let step = 0; step < steps; step++)
    await mp.runPythonAsync(`_made = script.STEPS[${step}]()\nif hasattr(_made, "send"): await _made`);
} catch (error) {
  console.log(error.message);
  code = 1;
}
process.exit(code);
