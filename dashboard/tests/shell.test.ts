// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { mayShow } from "../src/pictures.ts";
import { countStates, documentTitle } from "../src/shell/counts.ts";
import { forgetKept } from "../src/shell/kept.ts";
import { actionOf } from "../src/shell/keys.ts";

describe("counts", () => {
  it("are said in the title where somebody has to look", () => {
    const counts = countStates(["online", "late", "online", "unreachable", "gone"]);
    expect(counts).toEqual({ online: 2, late: 1, unreachable: 1, gone: 1 });
    expect(documentTitle({ title: "Barn" }, counts)).toBe("(2) Barn");
    expect(documentTitle({ title: "Barn" }, countStates(["online", "gone"]))).toBe("Barn");
  });
});

describe("single keys", () => {
  const press = { key: "m", ctrlKey: false, metaKey: false, altKey: false, repeat: false, defaultPrevented: false };

  it("do what the help says", () => {
    expect(actionOf(press, false)).toBe("map");
    expect(actionOf({ ...press, key: "?" }, false)).toBe("help");
    expect(actionOf({ ...press, key: "x" }, false)).toBeNull();
  });

  it("are left to fields, to the browser and to who took them", () => {
    expect(actionOf(press, true)).toBeNull();
    for (const held of ["ctrlKey", "metaKey", "altKey", "repeat", "defaultPrevented"]) expect(actionOf({ ...press, [held]: true }, false)).toBeNull();
  });
});

describe("what is kept in a browser", () => {
  it("is forgotten, and nothing of others", () => {
    const kept = new Map([["pyaiot.prefs", "1"], ["other", "2"], ["pyaiot.theme", "3"], ["pyaiot", "4"]]);
    forgetKept({
      get length() {
        return kept.size;
      },
      key: (index) => [...kept.keys()][index] ?? null,
      removeItem: (name) => void kept.delete(name),
    });
    expect([...kept.keys()]).toEqual(["other", "pyaiot"]);
  });
});

describe("pictures", () => {
  const sources = ["barn.local:8081", "https://*.cameras.example.org", "192.0.2.7"];

  it.each([
    ["http://barn.local:8081/live", true],
    ["https://barn.local:8081/live", true],
    ["http://barn.local/live", false],
    ["https://north.cameras.example.org/", true],
    ["http://north.cameras.example.org/", false],
    ["https://cameras.example.org/", false],
    ["http://192.0.2.7/stream", true],
    ["https://192.0.2.7/stream", true],
    ["http://page.local:8080/branding/logo", true],
    ["http://evil.example/?192.0.2.7", false],
    ["javascript:alert(1)", false],
    ["", false],
  ])("%s: %s", (address, allowed) => {
    expect(mayShow(address, sources, "http://page.local:8080/")).toBe(allowed);
  });

  it("need the page's own scheme, or a safer one, where none is said", () => {
    expect(mayShow("http://192.0.2.7/", sources, "https://page.local/")).toBe(false);
  });
});
