// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, test } from "vitest";
import { around, LEVEL, MAX_GAP_S, multiplied, rotated, turned, type Quaternion } from "../src/widgets/imu/attitude.ts";
import { partsOf } from "../src/widgets/imu/colours.ts";
import { sampleOf, type Vector } from "../src/widgets/imu/samples.ts";
import { MAX_SAMPLES, MAX_TRACKS, Track, trackOf } from "../src/widgets/imu/track.ts";

function near(actual: readonly number[], expected: readonly number[], digits = 5): void {
  expect(actual).toEqual(expected.map((number) => expect.closeTo(number, digits)));
}

describe("a sample", () => {
  test("is read from JSON and from its text, in any order, with sensors missing", () => {
    const array = [{ type: "mag", values: [21, -4, 43] }, { type: "gyro", values: [1, 2, 3] }, { type: "acc", values: [0, 0, 1000] }];
    const sample = { acc: [0, 0, 1000], gyro: [1, 2, 3] };
    expect(sampleOf(array)).toEqual(sample);
    expect(sampleOf(JSON.stringify(array))).toEqual(sample);
    expect(sampleOf(`[{"type":"gyro","values":[1,2,3]}]`)).toEqual({ gyro: [1, 2, 3] });
  });

  test.each([
    null, 7, "", "[", "[]", "{}", "text", [null], [[1, 2, 3]], [{ type: "mag", values: [1, 2, 3] }],
    [{ type: "acc", values: [1, 2] }], [{ type: "acc", values: ["1", 2, 3] }], [{ type: "acc", values: [1, 2, NaN] }],
    [{ type: "acc", values: [1, 2, 1e300] }], [{ type: "__proto__", values: [1, 2, 3] }], `[${"[".repeat(2_000)}`,
    JSON.stringify([{ type: "acc", values: [1, 2, 3], more: "x".repeat(5_000) }]),
    [...Array.from({ length: 50 }, () => ({})), { type: "acc", values: [1, 2, 3] }],
  ])("is not made of %j", (said) => {
    expect(sampleOf(said)).toBeNull();
  });

  test("takes the first of two sensors of a kind, and what is readable beside what is not", () => {
    expect(sampleOf([{ type: "acc", values: "?" }, { type: "gyro", values: [1, 2, 3] }, { type: "gyro", values: [4, 5, 6] }])).toEqual({ gyro: [1, 2, 3] });
  });
});

describe("the attitude", () => {
  test("turns by what the gyroscope says, in degrees a second", () => {
    let attitude: Quaternion = LEVEL;
    for (let step = 0; step < 10; step += 1) attitude = turned(attitude, { gyro: [0, 0, 90] }, 0.1);
    near(rotated(attitude, [1, 0, 0]), [0, 1, 0]);
  });

  test("turns about the body's own axes", () => {
    const rolled = turned(LEVEL, { gyro: [90, 0, 0] }, 1);
    // Its y now points up, so that turning about y turns it about the world's z.
    near(rotated(turned(rolled, { gyro: [0, 90, 0] }, 1), [1, 0, 0]), [0, 1, 0]);
  });

  test("is not turned over a silence, nor by a clock that stands or goes back", () => {
    for (const gapS of [MAX_GAP_S + 0.01, 0, -1, NaN]) near(turned(LEVEL, { gyro: [0, 0, 90] }, gapS), LEVEL);
  });

  test.each([1, 9.81, 1000])("settles with gravity, in whatever unit it is said (%d)", (gravity) => {
    // Lying on its side: its y is up.
    const acc: Vector = [0, gravity, 0];
    let attitude: Quaternion = LEVEL;
    for (let step = 0; step < 50; step += 1) attitude = turned(attitude, { acc, gyro: [0, 0, 0] }, 0.1);
    near(rotated(attitude, [0, 1, 0]), [0, 0, 1], 3);
  });

  test("keeps its heading while gravity rights the tilt", () => {
    let attitude = around([0, 0, 1], 1);
    for (let step = 0; step < 50; step += 1) attitude = turned(attitude, { acc: [0, 0, 1000], gyro: [0, 0, 0] }, 0.1);
    near(attitude, around([0, 0, 1], 1));
  });

  test("takes no shaking for gravity, nor nothing at all", () => {
    for (const acc of [[0, 2500, 0], [0, 0, 0], [3, 0, 0]] as const) near(turned(LEVEL, { acc, gyro: [0, 0, 0] }, 0.1), LEVEL);
  });

  test("without a gyroscope is as gravity says, at once; upside down, too", () => {
    near(rotated(turned(LEVEL, { acc: [1000, 0, 0] }, 0.2), [1, 0, 0]), [0, 0, 1]);
    near(rotated(turned(LEVEL, { acc: [0, 0, -1000] }, 0.2), [0, 0, -1]), [0, 0, 1]);
  });

  test("stays a rotation, whatever comes for however long", () => {
    let attitude: Quaternion = LEVEL;
    for (let step = 0; step < 20_000; step += 1) {
      const [a, b, c] = [Math.sin(step) * 2000, Math.cos(step * 1.7) * 1e9, (step % 7) - 3];
      attitude = turned(attitude, { gyro: [a, b, c], acc: [c, a / 2, 9.8] }, (step % 10) / 10);
    }
    expect(Math.hypot(...attitude)).toBeCloseTo(1, 9);
    near(multiplied(attitude, [-attitude[0], -attitude[1], -attitude[2], attitude[3]]), LEVEL);
  });
});

describe("a track", () => {
  const said = (...gyro: number[]): unknown => [{ type: "gyro", values: gyro }, { type: "acc", values: [0, 600, 800] }];

  test("keeps columns for the charts, with holes where a sensor was missing", () => {
    const track = new Track();
    expect(track.take(said(1, 2, 3), 1_000)).toBe(true);
    expect(track.take([{ type: "acc", values: [3, 4, 0] }], 1_200)).toBe(true);
    expect(track.columns).toEqual([[1, 1.2], [1000, 5], [1, null], [2, null], [3, null]]);
    expect([track.hasAcc, track.hasGyro]).toEqual([true, true]);
  });

  test("takes nothing twice, nothing older, and nothing that is none; a clock set back by far begins anew", () => {
    const track = new Track();
    track.take(said(1, 2, 3), 100_000);
    expect(track.take(said(1, 2, 3), 100_000)).toBe(false);
    expect(track.take(said(1, 2, 3), 99_000)).toBe(false);
    expect(track.take("?", 101_000)).toBe(false);
    expect(track.columns[0]).toEqual([100]);
    expect(track.take(said(4, 5, 6), 20_000)).toBe(true);
    expect(track.columns[0]).toEqual([20]);
  });

  test("is bounded, and so is their number; a device has one, and keeps it", () => {
    const track = trackOf("coap/1", "imu");
    for (let sample = 1; sample <= MAX_SAMPLES + 50; sample += 1) track.take(said(0, 0, 0), sample * 100);
    expect(track.columns.map((column) => column.length)).toEqual(Array.from({ length: 5 }, () => MAX_SAMPLES));
    for (let other = 0; other < MAX_TRACKS - 1; other += 1) trackOf(`coap/x${String(other)}`, "imu");
    expect(trackOf("coap/1", "imu")).toBe(track);
    for (let other = 0; other < MAX_TRACKS; other += 1) trackOf(`coap/y${String(other)}`, "imu");
    expect(trackOf("coap/1", "imu")).not.toBe(track);
  });
});

test("a colour of the page becomes one of the drawing", () => {
  expect(partsOf("rgb(255, 0, 51)")).toEqual([1, 0, 0.2]);
  expect(partsOf("nonsense")).toEqual([0.5, 0.5, 0.5]);
});
