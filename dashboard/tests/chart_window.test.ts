// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { FIRST_WINDOW, rangeOf, shownStretch, windowAfter, type ChartWindow, type WindowAction } from "../src/device/chart_window.ts";
import { csvOf, fileName, indexFrom, rowsOf, summaryOf } from "../src/device/series.ts";
import { Keeper } from "../src/device/keeper.ts";
import { argument, commandLines } from "../src/device/lines.ts";
import { History, type Columns } from "../src/live/history.ts";
import type { Resource } from "../src/live/model.ts";

const ALL = { fromS: 1_000, toS: 5_000 };

function after(...actions: WindowAction[]): ChartWindow {
  return actions.reduce((window, action) => windowAfter(window, action, ALL), FIRST_WINDOW);
}

describe("the window of the charts", () => {
  it("follows the present with the newest ten minutes", () => {
    expect(shownStretch(FIRST_WINDOW, ALL)).toEqual({ fromS: 4_400, toS: 5_000 });
    expect(shownStretch(FIRST_WINDOW, { ...ALL, toS: 5_001 })).toEqual({ fromS: 4_401, toS: 5_001 });
  });

  it("begins with what there is, where that is less: at least a minute", () => {
    const heardFor = (seconds: number) => ({ fromS: 5_000 - seconds, toS: 5_000 });
    expect(shownStretch(FIRST_WINDOW, heardFor(0))).toEqual({ fromS: 4_940, toS: 5_000 });
    expect(shownStretch(FIRST_WINDOW, heardFor(180))).toEqual({ fromS: 4_820, toS: 5_000 });
    expect(shownStretch(FIRST_WINDOW, heardFor(599))).toEqual({ fromS: 4_401, toS: 5_000 });
    expect([0, 180, 599, 600, 4_000].map((seconds) => rangeOf(FIRST_WINDOW, heardFor(seconds)))).toEqual([null, null, null, 600, 600]);
    const asked = windowAfter(FIRST_WINDOW, { type: "range", spanS: 600 }, heardFor(180));
    expect(shownStretch(asked, heardFor(180))).toEqual({ fromS: 4_400, toS: 5_000 });
    const paused = windowAfter(FIRST_WINDOW, { type: "pause" }, heardFor(180));
    expect(windowAfter(paused, { type: "follow" }, heardFor(200))).toEqual({ spanS: 180, held: null });
  });

  it("shows all that is kept, of what has just come at least a minute", () => {
    expect(shownStretch(after({ type: "range", spanS: null }), ALL)).toEqual(ALL);
    expect(shownStretch({ spanS: null, held: null }, { fromS: 100, toS: 101 })).toEqual({ fromS: 41, toS: 101 });
  });

  it("zooms about what is pointed at, and stands still then", () => {
    const window = after({ type: "zoom", factor: 0.5, atS: 4_700 });
    expect(window.held).toEqual({ fromS: 4_550, toS: 4_850 });
    expect(shownStretch(window, { ...ALL, toS: 6_000 })).toEqual({ fromS: 4_550, toS: 4_850 });
  });

  it("follows on when the zoom is about the present", () => {
    expect(after({ type: "zoom", factor: 0.5, atS: 5_000 })).toEqual({ spanS: 300, held: null });
  });

  it.each([0, -1, NaN, Infinity])("is not moved by a zoom of %d", (factor) => {
    expect(after({ type: "zoom", factor, atS: 4_700 })).toEqual(FIRST_WINDOW);
  });

  it("zooms no nearer than a second, and no further than what is kept", () => {
    const near = shownStretch(after({ type: "zoom", factor: 1e-9, atS: 4_700 }), ALL);
    expect(near.toS - near.fromS).toBeCloseTo(1);
    const far = shownStretch(after({ type: "zoom", factor: 1e9, atS: 4_700 }), ALL);
    expect(far).toEqual({ fromS: 1_000, toS: 5_000 });
  });

  it("pans into the past, not beyond it, and back to the present, which it then follows", () => {
    expect(after({ type: "pan", byS: -300 }).held).toEqual({ fromS: 4_100, toS: 4_700 });
    expect(after({ type: "pan", byS: -1e9 }).held).toEqual({ fromS: 700, toS: 1_300 });
    expect(after({ type: "pan", byS: -300 }, { type: "pan", byS: 400 })).toEqual({ spanS: 600, held: null });
    expect(after({ type: "pan", byS: NaN })).toEqual(FIRST_WINDOW);
  });

  it("shows what was selected, from either side", () => {
    const stretch = { fromS: 2_000, toS: 2_060 };
    expect(after({ type: "select", stretch }).held).toEqual(stretch);
    expect(after({ type: "select", stretch: { fromS: 2_060, toS: 2_000 } }).held).toEqual(stretch);
    expect(after({ type: "select", stretch: { fromS: 2_000, toS: 2_000 } })).toEqual(FIRST_WINDOW);
    expect(after({ type: "select", stretch: { fromS: 4_000, toS: 5_000 } })).toEqual({ spanS: 1_000, held: null });
  });

  it("stands still when paused, and follows again with as much as it showed", () => {
    const paused = after({ type: "range", spanS: 60 }, { type: "pause" });
    expect(shownStretch(paused, { ...ALL, toS: 9_000 })).toEqual({ fromS: 4_940, toS: 5_000 });
    expect(windowAfter(paused, { type: "follow" }, { ...ALL, toS: 9_000 })).toEqual({ spanS: 60, held: null });
    expect(after({ type: "range", spanS: null }, { type: "follow" })).toEqual({ spanS: null, held: null });
    expect(windowAfter(paused, { type: "reset" }, ALL)).toEqual(FIRST_WINDOW);
  });
});

const resource = (name: string, data: unknown, writable?: boolean): Resource => ({
  name,
  data,
  value: data,
  number: null,
  unit: null,
  atMs: 0,
  about: writable === undefined ? {} : { writable },
  history: new History(),
});

function columns(...points: [number, number][]): Columns {
  return [new Float64Array(points.map(([time]) => time)), new Float64Array(points.map(([, value]) => value))];
}

describe("the numbers of a chart", () => {
  const series = columns([10, 1], [20, -4], [30, 6], [40, 2]);

  it("are summed up over what is shown, ends included", () => {
    expect(summaryOf(series, { fromS: 10, toS: 30 })).toEqual({ count: 3, low: -4, high: 6, mean: 1, last: 6, lastS: 30 });
    expect(summaryOf(series, { fromS: 41, toS: 50 })).toBeNull();
    expect(summaryOf(columns(), { fromS: 0, toS: 1 })).toBeNull();
  });

  it("are rows, the newest first, of a bounded table", () => {
    expect(rowsOf(series, { fromS: 20, toS: 40 }).map(({ value }) => value)).toEqual([2, 6, -4]);
    expect(rowsOf(series, { fromS: 0, toS: 100 }, 2).map(({ timeS }) => timeS)).toEqual([40, 30]);
  });

  it("are found by time", () => {
    expect([5, 10, 11, 40, 41].map((time) => indexFrom(series[0], time))).toEqual([0, 0, 1, 3, 4]);
  });

  const heard = (history: History): Resource => ({ ...resource("t", 0), history });

  it("stay in sight while the page is, though the history of all devices forgets them", () => {
    const [history, keeper] = [new History({ points: 3 }), new Keeper(5)];
    const seen: number[][] = [];
    for (let value = 1; value <= 7; value++) {
      history.push(value * 1000 + 0.3, value);
      seen.push([...keeper.columns(heard(history))[1]]);
    }
    expect(seen.slice(3)).toEqual([[1, 2, 3, 4], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6], [3, 4, 5, 6, 7]]);
    expect([...keeper.columns(heard(history))[1]]).toEqual([3, 4, 5, 6, 7]);
    keeper.retain(new Set(["other"]));
    expect([...keeper.columns(heard(history))[1]]).toEqual([5, 6, 7]);
  });

  it("begin anew when the clock of their device was set back", () => {
    const [history, keeper] = [new History(), new Keeper()];
    history.push(9_000, 1);
    keeper.columns(heard(history));
    history.push(2_000, 2);
    expect([...keeper.columns(heard(history))[1]]).toEqual([2]);
  });

  it("are a file that no spreadsheet takes for a formula", () => {
    expect(csvOf(columns([0, 1.5], [60, -2]), "temperature (°C)")).toBe(
      'time,"temperature (°C)"\r\n1970-01-01T00:00:00.000Z,1.5\r\n1970-01-01T00:01:00.000Z,-2\r\n',
    );
    expect(csvOf(columns(), '=HYPERLINK("x")')).toBe(`time,"'=HYPERLINK(""x"")"\r\n`);
    expect(fileName("coap/../etc", "a b/‮c")).toBe("coap-..-etc_a-b-c.csv");
    expect(fileName("…", "/")).toBe("values.csv");
  });
});

describe("command lines", () => {
  it("name the device, a broker that is elsewhere, and something to write", () => {
    expect(commandLines("coap/1", [resource("t", 1), resource("led", "0", true)], "ws://localhost:8000/rpc")).toEqual([
      "aiot get coap/1",
      "aiot set coap/1 led 0",
      "aiot watch --uid coap/1",
    ]);
    expect(commandLines("coap/1", [], "wss://iot.example/rpc")[0]).toBe("aiot get --broker wss://iot.example/rpc coap/1");
  });

  it("are safe to paste, whatever a device is called", () => {
    expect(argument("$(reboot)")).toBe("'$(reboot)'");
    expect(argument("it's; rm")).toBe(`'it'\\''s; rm'`);
    expect(argument("")).toBe("''");
    expect(argument("-x")).toBe("'-x'");
    for (const uid of ["a\nreboot", "a\u001b[2J", "a\u202eb", "a\u2028b"]) expect(commandLines(uid, [], "")).toEqual([]);
    expect(commandLines("c/1", [resource("a\nb", "", true)], "x")).toHaveLength(2);
  });
});
