// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { fetchConfig, parseConfig } from "../src/config.ts";
import { ageText, fullTimeText, momentText, preciseAgeText, preciseSpanText, spanText, unwrapped, valueText } from "../src/format.ts";
import { prefs } from "../src/prefs.svelte.ts";
import { decimalsOf, shownNumber, shownUnit } from "../src/widgets/units.ts";

describe("units", () => {
  it.each([
    ["Cel", "°C"],
    ["%RH", "%"],
    ["hPa", "hPa"],
    ["ug/m3", "µg/m³"],
    ["m/s2", "m/s²"],
    ["/", ""],
    [null, ""],
    ["parsec", "parsec"],
    ["constructor", "constructor"],
    ["x".repeat(13), `${"x".repeat(12)}…`],
  ])("%s is shown as %s", (unit, shown) => {
    expect(shownUnit(unit)).toBe(shown);
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [-0, "0"],
    [23.4, "23.4"],
    [-1.5, "−1.5"],
    [1013.2500001, "1013.25"],
    [0.1 + 0.2, "0.3"],
    [1234, "1234"],
    [123456789, "123,456,800"],
    [0.00001234, "1.234e−5"],
    [6.02e23, "6.020e23"],
  ])("%d is shown as %s", (value, shown) => {
    expect(shownNumber(value, "en")).toBe(shown);
  });

  it("keep the decimals of those before, as far as that is true", () => {
    expect([22, 0, -0, 21.95, 1234567].map((value) => shownNumber(value, "en", 1))).toEqual(["22.0", "0.0", "0.0", "21.95", "1,234,567"]);
    expect(shownNumber(1011, "fr", 2)).toBe("1011,00");
    expect([[], [22, 21], [22, 21.9, NaN], [0.1 + 0.2, 1], [1.25, ...Array<number>(32).fill(1)]].map((values) => decimalsOf(values))).toEqual([0, 0, 1, 3, 0]);
  });

  it("have the signs of the page's language", () => {
    expect([-1.5, 12345.5, 1e-9].map((value) => shownNumber(value, "fr"))).toEqual(["−1,5", "12\u202f345,5", "1,000e−9"]);
  });
});

describe("times", () => {
  it("are counted in the largest fitting unit", () => {
    expect([999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 172_800_000].map(spanText)).toEqual(["", "1 s", "59 s", "1 min", "59 min", "1 h", "2 days"]);
    expect(ageText(1000, 500)).toBe("now");
    expect(ageText(1000, 4200)).toBe("3 s ago");
    expect(ageText(NaN, 0)).toBe("now");
  });

  it("are said in two units where that is worth it", () => {
    expect([999, 30_000, 120_000, 130_000, 3_605_000, 5_400_000, 176_400_000, 172_800_000].map(preciseSpanText)).toEqual([
      "",
      "30 s",
      "2 min",
      "2 min 10 s",
      "1 h",
      "1 h 30 min",
      "2 days 1 h",
      "2 days",
    ]);
    expect(preciseAgeText(0, 130_000)).toBe("2 min 10 s ago");
  });

  it("are in the language of the page, moments too", () => {
    const atMs = new Date(2026, 10, 21, 14, 2, 3).getTime();
    expect(momentText(atMs, atMs + 1000)).toMatch(/^0?2:02.PM$/);
    prefs.language = "fr";
    try {
      expect([ageText(0, 500), ageText(0, 3000), spanText(172_800_000)]).toEqual(["maintenant", "il y a 3 s", "2 jours"]);
      expect(momentText(atMs, atMs + 1000)).toBe("14:02");
      expect(momentText(atMs, atMs + 86_400_000)).toMatch(/^21 nov.*14:02$/);
      expect(fullTimeText(atMs)).toMatch(/samedi 21 novembre 2026.*14:02:03/);
      for (const wrong of [NaN, Infinity, 9e15]) expect([momentText(wrong, atMs), fullTimeText(wrong)]).toEqual(["", ""]);
    } finally {
      prefs.language = "system";
    }
  });
});

describe("values", () => {
  it("are shown as text, whatever they are", () => {
    expect(valueText("<b>")).toBe("<b>");
    expect([undefined, null, true, 5].map(valueText)).toEqual(["–", "–", "true", "5"]);
    expect(valueText({ lat: 1, lng: 2 })).toBe('{"lat":1,"lng":2}');
    expect(unwrapped('[{"type":"acc"}]')).toEqual([{ type: "acc" }]);
    expect(unwrapped("[not json")).toBe("[not json");
    expect(unwrapped("12")).toBe("12");
  });

  it("are the same JSON over several lines", () => {
    const value = { list: Array.from({ length: 30 }, (_, index) => ({ index, text: "x".repeat(20) })), empty: [], none: null };
    expect(JSON.parse(valueText(value))).toEqual(value);
    expect(Math.max(...valueText(value).split("\n").map((line) => line.length))).toBeLessThan(60);
  });
});

describe("the settings", () => {
  const base = "http://host:8080/iot/";

  it("name the broker, absolutely or from the page's address", () => {
    expect(parseConfig({ broker_url: "wss://b/rpc" }, base).brokerUrl).toBe("wss://b/rpc");
    expect(parseConfig({ broker_url: "/rpc" }, base).brokerUrl).toBe("ws://host:8080/rpc");
    expect(parseConfig({ broker_url: "rpc" }, "https://host/iot/").brokerUrl).toBe("wss://host/iot/rpc");
    for (const wrong of [null, {}, { broker_url: "" }, { broker_url: "javascript:1" }, { broker_url: "ws://[" }]) {
      expect(() => parseConfig(wrong, base)).toThrow(/broker/);
    }
  });

  it("take pictures over http(s) only", () => {
    const config = parseConfig({ broker_url: "/rpc", logo: "branding/logo", favicon: "javascript:1", camera_url: "" }, base);
    expect(config).toMatchObject({ logo: "http://host:8080/iot/branding/logo", favicon: null, cameraUrl: null, title: "IoT Dashboard" });
  });

  it("name whose pictures may be shown, and where a map's are", () => {
    const tiles = "https://tiles.example.org/{z}/{x}/{y}.png";
    const config = parseConfig({ broker_url: "/rpc", webcam_hosts: ["a:1", 2, "https://b"], map_tiles: tiles }, base);
    expect(config).toMatchObject({ webcamHosts: ["a:1", "https://b"], mapTiles: tiles });
    for (const map_tiles of ["https://tiles.example.org/{z}/{x}.png", "javascript:{z}{x}{y}", 1])
      expect(parseConfig({ broker_url: "/rpc", webcam_hosts: "a", map_tiles }, base)).toMatchObject({ webcamHosts: [], mapTiles: null });
  });

  it("say what is wrong when they cannot be had", async () => {
    const answers = (response: Response | Error) => () => (response instanceof Error ? Promise.reject(response) : Promise.resolve(response));
    await expect(fetchConfig(answers(new Error("x")), base)).rejects.toThrow("does not answer");
    await expect(fetchConfig(answers(new Response("", { status: 502 })), base)).rejects.toThrow("502");
    await expect(fetchConfig(answers(new Response("<html>")), base)).rejects.toThrow("not JSON");
  });
});
