// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import type { About } from "../../src/live/model.ts";
import { boundsOf, choicesOf, rangeOf, sliderStep, wrongNumber } from "../../src/widgets/about.ts";
import { boundsIn } from "../../src/widgets/extent.ts";
import { countOf, entriesOf, preview, scalarText } from "../../src/widgets/json_rows.ts";
import { labelOf, titleOf } from "../../src/widgets/labels.ts";
import { isInvisible, isLong } from "../../src/widgets/long_text.ts";
import { choiceData, dataBytes, isChosen, numberData, switchData, switchStateOf, writtenJson, writtenNumber } from "../../src/widgets/payload.ts";
import { spoken } from "../../src/widgets/spoken.ts";
import { progressOf, updateStateOf } from "../../src/widgets/suit.ts";
import { resourceOf } from "./resource_of.ts";

describe("on and off", () => {
  it("are read in many words", () => {
    expect(["1", "on", "TRUE", " On ", true, 1].map(switchStateOf)).toEqual(Array(6).fill(true));
    expect(["0", "off", "False", false, 0].map(switchStateOf)).toEqual(Array(5).fill(false));
    expect(["", "2", 2, null, {}, "on".padEnd(1_000_000)].map(switchStateOf)).toEqual(Array(6).fill(null));
  });

  it.each<[on: boolean, data: unknown, choices: readonly (string | boolean)[], said: unknown]>([
    [true, "0", [], "1"],
    [false, "ON", [], "OFF"],
    [true, "off", [], "on"],
    [true, "False", [], "True"],
    [true, false, [], true],
    [false, 1, [], 0],
    [true, "purple", [], "1"],
    [true, undefined, [], "1"],
    [true, "OFF", ["Off", "On"], "On"],
    [false, "x", [true, false], false],
  ])("%s after %j of %j is said as %j", (on, data, choices, said) => {
    expect(switchData(on, data, choices)).toBe(said);
  });
});

describe("what is written to a device", () => {
  it("is text where the device says text", () => {
    expect([numberData(21.5, "20"), numberData(21.5, 20), numberData(21.5, null)]).toEqual(["21.5", 21.5, 21.5]);
    expect([choiceData(2, "1"), choiceData(2, 1), choiceData(true, "x")]).toEqual(["2", 2, "true"]);
    expect([writtenJson('{"a":1}', {}), writtenJson('{"a":1}', "{}"), writtenJson("{", {})]).toEqual([{ a: 1 }, '{"a":1}', undefined]);
    expect(dataBytes("é\n")).toBe(6);
  });

  it("is a number however people write it", () => {
    expect(["1", "-1.5", "1,5", " 2 ", "−3", "1e3", "12 345,5"].map(writtenNumber)).toEqual([1, -1.5, 1.5, 2, -3, 1000, 12345.5]);
    expect(["", "x", "1,2,3", "0x10", "Infinity", "1e999", "1 C", "--1"].map(writtenNumber)).toEqual(Array(8).fill(null));
  });

  it("is the choice that the device means, however it says it", () => {
    expect([isChosen(1, "1", 1), isChosen("eco", "eco", null), isChosen(true, "true", null), isChosen("1", 1, 1), isChosen("a", "b", null)]).toEqual([true, true, true, true, false]);
  });
});

describe("what is said about a resource", () => {
  it("is used as far as it makes sense", () => {
    expect(choicesOf({ choices: ["a", "a", 1, "1", true] })).toEqual(["a", 1, "1", true]);
    expect(choicesOf({ choices: Array.from({ length: 99 }, (_, index) => index) })).toHaveLength(32);
    expect(choicesOf({ choices: { length: 3 } } as never)).toEqual([]);
    expect(boundsOf({ min: 2, max: 1 })).toEqual({ min: null, max: null });
    expect(boundsOf({ min: "1", max: 5 } as never)).toEqual({ min: null, max: 5 });
    expect(rangeOf({ min: 0, max: 10, step: 0.5 })).toEqual({ min: 0, max: 10, step: 0.5 });
    expect(rangeOf({ min: 0, max: 10, step: 11 })).toEqual({ min: 0, max: 10, step: null });
    for (const void_ of [{}, { min: 0 }, { min: 1, max: 1 }, { min: NaN, max: 1 }, { min: -1.7e308, max: 1.7e308 }]) expect(rangeOf(void_)).toBeNull();
    expect([{ min: 0, max: 1 }, { min: 0, max: 255 }, { min: -40, max: 85 }].map((range) => sliderStep({ ...range, step: null }))).toEqual([0.01, 1, 1]);
  });

  it.each<[value: number, about: About, why: string | null]>([
    [5, {}, null],
    [5, { min: 6 }, "tooSmall"],
    [5, { max: 4 }, "tooLarge"],
    [5, { min: 9, max: 1 }, null],
    [0.3, { step: 0.1 }, null],
    [0.35, { step: 0.1 }, "offStep"],
    [6, { min: 1, step: 5 }, null],
    [5, { min: 1, step: 5 }, "offStep"],
    [5, { step: 0 }, null],
    [5, { step: -2 }, null],
  ])("judges %d by %j: %s", (value, about, why) => {
    expect(wrongNumber(value, about)).toBe(why);
  });

  it("names it: its title, a known name with its number, or its own name", () => {
    expect(["led", "temperature2", "temperature_12", "soil/moisture", "constructor", "__proto__", ""].map(labelOf)).toEqual(
      ["LED", "Temperature 2", "Temperature 12", "soil/moisture", "constructor", "__proto__", ""],
    );
    expect([titleOf(resourceOf("led", 1, { title: "Porch" })), titleOf(resourceOf("led", 1, { title: " " }))]).toEqual(["Porch", "LED"]);
  });
});

describe("texts", () => {
  it("are long by their letters or lines", () => {
    expect([isLong("a".repeat(140), "card"), isLong("a".repeat(141), "card"), isLong("a".repeat(141), "page")]).toEqual([false, true, false]);
    expect([isLong("1\n2\n3\n4", "card"), isLong("1\n2\n3\n4\n5", "card")]).toEqual([false, true]);
  });

  it("of which nothing can be seen are known", () => {
    expect(["\u200b\u202e", " \n\t", "\u2800", "\u0000\u0007"].map(isInvisible)).toEqual([true, true, true, true]);
    expect(["\u200ba", ".", "\u{1f3f4}"].map(isInvisible)).toEqual([false, false, false]);
  });

  it("of a write are short", () => {
    expect([spoken("1", "switch", null), spoken("21.5", "number", "Cel"), spoken("a\nb", "text", null), spoken("", "text", null)]).toEqual(["On", "21.5 °C", "a b", "Empty text"]);
    expect(spoken("🏴".repeat(5000), "text", null)).toBe(`${"🏴".repeat(40)}…`);
    expect([spoken(true, "switch", null), spoken("False", "switch", null), spoken(0, "switch", null)]).toEqual(["Yes", "No", "Off"]);
    expect(spoken({ a: [1] }, "json", null)).toBe('{"a":[1]}');
  });
});

describe("JSON", () => {
  it("is previewed and counted", () => {
    expect([preview({ lat: 1, at: "x", list: [1], more: {} }), preview([1, "b", null]), preview([]), preview({})]).toEqual(["{lat: 1, at: x, list: […], more: {…}}", "[1, b, null]", "[]", "{}"]);
    expect(preview(Array.from({ length: 1000 }, () => "x".repeat(16_000))).length).toBeLessThan(70);
    expect(entriesOf({ a: 1, b: 2, c: 3 }, 2)).toEqual([{ key: "a", value: 1 }, { key: "b", value: 2 }]);
    expect([countOf([1, 2]), countOf({ a: 1 })]).toEqual([2, 1]);
    expect(["a", 1, true, null, undefined].map(scalarText)).toEqual(["a", "1", "true", "null", "–"]);
    expect(entriesOf(JSON.parse('{"__proto__": 5}') as object, 9)).toEqual([{ key: "__proto__", value: 5 }]);
  });
});

describe("the range of what is kept", () => {
  it("needs two numbers", () => {
    expect(boundsIn([new Float64Array([1]), new Float64Array([5])])).toBeNull();
    expect(boundsIn([new Float64Array([1, 4]), new Float64Array([5, -2])])).toEqual({ low: -2, high: 5, spanMs: 3000 });
  });
});

describe("an update over SUIT", () => {
  it.each([
    ["0", "suit0", "idle"],
    [6, "suit6", "busy"],
    ["3", "suit3", "failed"],
    ["11", "suit11", "done"],
    ["FAILED", "suitFailed", "failed"],
    ["4", null, "busy"],
    [{}, null, "busy"],
  ])("%j is %s", (data, words, tone) => {
    expect(updateStateOf(data)).toMatchObject({ words, tone });
  });

  it("has a progress while it downloads", () => {
    expect([progressOf("6", 40), progressOf("6", 400), progressOf("6", -1), progressOf("6", null), progressOf("9", 40), progressOf("11", 3)]).toEqual([40, 100, 0, null, null, 100]);
  });
});
