// SPDX-License-Identifier: BSD-3-Clause
import { crc32, deflateSync } from "node:zlib";
import type { Plugin } from "vite";

type Colour = readonly [number, number, number];
const GROUND: Colour = [0x0f, 0x76, 0x6e];
const INK: Colour = [0xff, 0xff, 0xff];

/** Of `src/icon.svg`, in its own units: the field, the dot, the waves and how thick they are. */
const FIELD = 32;
const CORNER = 8;
const DOT = 2.6;
const WAVES = [7.6, 12.9];
const HALF_STROKE = 1.2;
/** What a system may cut off of an icon that fills its field: only the inner four fifths are sure to be seen. */
const MASKED = 0.72;

/** Makes `src/icon.svg` again as PNG, in the sizes that systems want of a page that is installed. */
export function icons(): Plugin {
  return {
    name: "icons",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "icons/icon-192.png", source: icon(192, false) });
      this.emitFile({ type: "asset", fileName: "icons/icon-512.png", source: icon(512, false) });
      this.emitFile({ type: "asset", fileName: "icons/maskable-512.png", source: icon(512, true) });
    },
  };
}

/** The icon with `size` pixels a side; `full`: to its edges, for systems that cut a shape of their own out of it. */
export function icon(size: number, full: boolean): Buffer {
  const unit = FIELD / size;
  const pixels = Buffer.alloc(size * size * 4);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [x, y] = [(column + 0.5) * unit - FIELD / 2, (row + 0.5) * unit - FIELD / 2];
      const scale = full ? MASKED : 1;
      const ink = covered(toInk(x / scale, y / scale) * scale, unit);
      const ground = full ? 1 : covered(toField(x, y), unit);
      const at = (row * size + column) * 4;
      for (const [channel, value] of GROUND.entries()) pixels[at + channel] = Math.round(value + ((INK[channel] ?? 0) - value) * ink);
      pixels[at + 3] = Math.round(255 * ground);
    }
  }
  return png(size, pixels);
}

/** How much of a pixel is inside, by how far its middle is from the edge (less than 0: inside). */
function covered(distance: number, unit: number): number {
  return Math.min(Math.max(0.5 - distance / unit, 0), 1);
}

function toField(x: number, y: number): number {
  const [across, down] = [Math.abs(x) - FIELD / 2 + CORNER, Math.abs(y) - FIELD / 2 + CORNER];
  return Math.hypot(Math.max(across, 0), Math.max(down, 0)) + Math.min(Math.max(across, down), 0) - CORNER;
}

function toInk(x: number, y: number): number {
  const from = Math.hypot(x, y);
  // Waves are the quarters of their circles at the left and at the right, with round ends.
  const waves = WAVES.map((radius) => {
    if (Math.abs(x) >= Math.abs(y)) return Math.abs(from - radius) - HALF_STROKE;
    return Math.hypot(Math.abs(x) - radius * Math.SQRT1_2, Math.abs(y) - radius * Math.SQRT1_2) - HALF_STROKE;
  });
  return Math.min(from - DOT, ...waves);
}

/** A PNG (W3C, third edition) of 8 bits a channel with alpha, and no filters. */
function png(size: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let row = 0; row < size; row++) pixels.copy(rows, row * (size * 4 + 1) + 1, row * size * 4, (row + 1) * size * 4);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
