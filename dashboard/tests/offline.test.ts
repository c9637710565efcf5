// SPDX-License-Identifier: BSD-3-Clause
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { icon } from "../build/icons.ts";
import { outdated, ruleOf } from "../src/offline/rules.ts";

const SCOPE = "https://host/iot/";

describe("the service worker", () => {
  it.each([
    ["", "newest", ""],
    ["index.html", "newest", ""],
    ["?utm=1", "newest", ""],
    ["#/device/coap/1", "newest", ""],
    ["join", "newest", "join"],
    ["config.json", "newest", "config.json"],
    ["manifest.webmanifest", "newest", "manifest.webmanifest"],
    ["branding/logo", "newest", "branding/logo"],
    ["icons/icon-192.png", "newest", "icons/icon-192.png"],
    ["assets/index-1a2b.js", "kept", "assets/index-1a2b.js"],
  ])("keeps %s (%s)", (path, how, as) => {
    expect(ruleOf("GET", SCOPE + path, SCOPE)).toEqual({ how, path: as });
  });

  it.each(["rpc", "ws", "api/nodes", "metrics", "health", "v1/actuations/1", "client/index.js", "joined", "config.json/x", "branding/x"])(
    "has nothing to do with %s",
    (path) => {
      expect(ruleOf("GET", SCOPE + path, SCOPE)).toBeNull();
    },
  );

  it("has nothing to do with other methods and places", () => {
    expect(ruleOf("POST", `${SCOPE}config.json`, SCOPE)).toBeNull();
    expect(ruleOf("GET", "https://host/config.json", SCOPE)).toBeNull();
    expect(ruleOf("GET", "https://camera/live", SCOPE)).toBeNull();
  });

  it("forgets the parts of older builds only", () => {
    expect(outdated(["", "config.json", "assets/a-1.js", "assets/a-2.js"], ["assets/a-2.js"])).toEqual(["assets/a-1.js"]);
  });
});

describe("icons", () => {
  /** The pixel of a PNG that has one IDAT and no filters, as red, green, blue, alpha. */
  function pixel(file: Buffer, size: number, x: number, y: number): number[] {
    const at = file.indexOf("IDAT") + 4;
    const rows = inflateSync(file.subarray(at, at + file.readUInt32BE(at - 8)));
    const start = y * (size * 4 + 1) + 1 + x * 4;
    return [...rows.subarray(start, start + 4)];
  }

  it("are what icon.svg is", () => {
    const file = icon(64, false);
    expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([64, 64]);
    expect(pixel(file, 64, 0, 0)[3]).toBe(0); // the round corner
    expect(pixel(file, 64, 32, 32)).toEqual([255, 255, 255, 255]); // the dot
    expect(pixel(file, 64, 32, 4)).toEqual([0x0f, 0x76, 0x6e, 255]); // the ground
    expect(pixel(file, 64, 32 - 15, 32)).toEqual([255, 255, 255, 255]); // a wave
  });

  it("fill their field where a shape is cut out of them", () => {
    expect(pixel(icon(64, true), 64, 0, 0)).toEqual([0x0f, 0x76, 0x6e, 255]);
  });
});
