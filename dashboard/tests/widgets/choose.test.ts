// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import type { About } from "../../src/live/model.ts";
import { choose, type WidgetKind } from "../../src/widgets/choose.ts";
import { controlOf, inputOf, type Control } from "../../src/widgets/control.ts";
import { isShown, shownResources } from "../../src/widgets/kinds.ts";
import { resourceType } from "../../src/widgets/resource_type.ts";
import { nodeOf, resourceOf } from "./resource_of.ts";

const IMU = [{ type: "acc", values: [1, 2, 3] }, { type: "gyro", values: [0, 0, 0] }];

describe("the widget of a resource", () => {
  it.each<[name: string, data: unknown, about: About, kind: WidgetKind]>([
    ["temperature", 21.5, {}, "number"],
    ["temperature", "21.5", {}, "number"],
    ["uvindex", 3, {}, "number"],
    ["soil/moisture", 40, {}, "number"],
    ["counter", 0, {}, "number"],
    ["counter", "1", {}, "number"],
    ["led", "0", {}, "switch"],
    ["led", 1, {}, "switch"],
    ["led", "purple", {}, "switch"],
    ["led", "128", {}, "number"],
    ["led2", "1", {}, "switch"],
    ["kitchen/relay", "1", {}, "switch"],
    ["door", true, {}, "switch"],
    ["door", "true", {}, "switch"],
    ["heating", "ON", {}, "switch"],
    ["heating", "on and on", {}, "text"],
    ["valve_7f", 1, { min: 0, max: 1 }, "switch"],
    ["valve_7f", 1, { min: 0, max: 1, step: 0.1 }, "number"],
    ["led", 1, { min: 0, max: 255 }, "number"],
    ["valve_7f", 1, { rt: "oic.r.switch.binary" }, "switch"],
    ["mode", "eco", { choices: ["off", "eco", "heat"] }, "choice"],
    ["mode", "strange", { choices: ["off", "eco", "heat"] }, "choice"],
    ["mode", 1, { choices: [1, 2, 3] }, "choice"],
    ["robot", "s", { choices: ["s", "u", "l", "r"], writable: true }, "robot"],
    ["robot", "s", { choices: ["s", "u", "dance"], writable: true }, "choice"],
    ["power", "on", { choices: ["on", "off"] }, "switch"],
    ["power", "warm", { choices: ["warm", "off"] }, "choice"],
    ["power", true, { choices: [true, false] }, "switch"],
    ["text", "hello", {}, "text"],
    ["text", "", {}, "text"],
    ["text", null, {}, "text"],
    ["text", undefined, {}, "text"],
    ["note", "[not json", {}, "text"],
    ["settings", { a: 1 }, {}, "json"],
    ["settings", '{"a": 1}', {}, "json"],
    ["list", [1, 2], {}, "json"],
    ["list", [], {}, "json"],
    ["led", { on: true }, {}, "json"],
    ["imu", IMU, {}, "imu"],
    ["imu", JSON.stringify(IMU), {}, "imu"],
    ["motion", IMU, {}, "imu"],
    ["imu", "broken", {}, "text"],
    ["imu", [{ type: "acc", values: 7 }], {}, "json"],
    ["imu", [null, 5, { type: "other", values: [1] }], {}, "json"],
    ["position", { lat: 48.7, lng: 2.2 }, {}, "position"],
    ["where", '{"lat": "48.7", "lon": "2.2"}', {}, "position"],
    ["where", { lat: 91, lng: 2 }, {}, "json"],
    ["where", { lat: "", lng: 2 }, {}, "json"],
    ["where", { lat: 1 }, {}, "json"],
    ["webcam", "http://cam/stream", {}, "webcam"],
    ["webcam", "javascript:alert(1)", {}, "text"],
    ["webcam", "data:image/svg+xml,<svg/>", {}, "text"],
    ["view", "https://cam/a.jpg?size=1", {}, "webcam"],
    ["view", "https://cam/page.html", {}, "text"],
    ["robot", "s", {}, "robot"],
    ["robot", "s", { writable: false }, "text"],
    ["ribot", "0:0:0\n", {}, "joystick"],
    ["js", "print(1)", {}, "script"],
    ["twitter", "a tweet", {}, "text"],
    ["suit_state", "6", {}, "firmware"],
    ["dwnld", "40", {}, "number"],
    ["os", "riot", {}, "information"],
    ["version", "1.10", {}, "information"],
    ["name", "A", {}, "information"],
    ["name", "A", { writable: true }, "text"],
    ["__proto__", "x", {}, "text"],
    ["constructor", 5, {}, "number"],
    ["toString", { __proto__: null }, {}, "json"],
  ])("%s that says %j with %j is a %s", (name, data, about, kind) => {
    const resource = resourceOf(name, data, about);
    expect(choose(resource, nodeOf(resource))).toBe(kind);
  });

  it("is a number where the unit says so, whatever its name", () => {
    expect(choose(resourceOf("led", 1, {}, "lx"), nodeOf())).toBe("number");
  });

  it.each<[about: unknown, kind: WidgetKind]>([
    [{ min: 5, max: 1 }, "number"],
    [{ min: NaN, max: Infinity, step: -0 }, "number"],
    [{ choices: [] }, "number"],
    [{ choices: "abc" }, "number"],
    [{ choices: [null, {}, NaN] }, "number"],
    [{ choices: Array.from({ length: 32 }, (_, index) => `${String(index)}`.padEnd(64, "W")) }, "choice"],
    [{ title: "x".repeat(64), unit: "<b>", rt: "__proto__", if: "", ct: "-" }, "number"],
  ])("survives being said %j", (about, kind) => {
    const resource = resourceOf("level", 3, about as About);
    expect(choose(resource, nodeOf(resource))).toBe(kind);
    expect(controlOf(resource, kind)).toBe("offered");
  });
});

describe("what is shown of a node", () => {
  const [state, download, led, zebra, name, t10, t9] = ["suit_state", "dwnld", "led", "zebra", "name", "temperature10", "temperature9"].map((each) => resourceOf(each, 1)) as never as [
    ReturnType<typeof resourceOf>, ReturnType<typeof resourceOf>, ReturnType<typeof resourceOf>, ReturnType<typeof resourceOf>,
    ReturnType<typeof resourceOf>, ReturnType<typeof resourceOf>, ReturnType<typeof resourceOf>,
  ];

  it("is in order, known types first, numbers as people count", () => {
    expect(shownResources(nodeOf(zebra, t10, name, t9, led)).map((resource) => resource.name)).toEqual(["led", "temperature9", "temperature10", "zebra"]);
    expect(shownResources(nodeOf(resourceOf("b", 1), resourceOf("a", 1))).map((resource) => resource.name)).toEqual(["a", "b"]);
  });

  it("has the download once, in the update's widget where there is one", () => {
    expect(shownResources(nodeOf(download, state)).map((resource) => resource.name)).toEqual(["suit_state"]);
    expect(isShown(download, nodeOf(download))).toBe(true);
    expect(choose(download, nodeOf(download, state))).toBe("firmware");
  });
});

describe("whether a resource can be set", () => {
  it.each<[name: string, data: unknown, about: About, control: Control, input: string | null]>([
    ["anything", 5, {}, "offered", "number"],
    ["anything", "words", {}, "offered", "text"],
    ["anything", true, {}, "offered", "switch"],
    ["anything", { a: 1 }, {}, "offered", "json"],
    ["anything", 5, { writable: true }, "shown", "number"],
    ["anything", 5, { writable: false }, "none", "number"],
    ["anything", "a", { choices: ["a", "b"] }, "offered", "choice"],
    ["temperature", 5, {}, "none", "number"],
    ["temperature", 5, { writable: true }, "shown", "number"],
    ["led", "1", {}, "shown", "switch"],
    ["led", "1", { writable: false }, "none", "switch"],
    ["imu", IMU, {}, "none", null],
    ["robot", "s", {}, "none", null],
  ])("%s that says %j with %j: %s", (name, data, about, control, input) => {
    const resource = resourceOf(name, data, about);
    const kind = choose(resource, nodeOf(resource));
    expect([controlOf(resource, kind), inputOf(kind)]).toEqual([control, input]);
  });

  it("goes by its name, not by its unit: a target is in degrees, too", () => {
    expect(controlOf(resourceOf("target", 21, {}, "Cel"), "number")).toBe("offered");
  });
});

describe("the type of a resource", () => {
  it.each([
    ["t1", "Cel", "temperature"],
    ["sensors/temperature2", null, "temperature"],
    ["Temperature_3", null, "temperature"],
    ["42", null, "42"],
    ["room/CO2", null, "co2"],
    ["load", "%", "load"],
    ["x", "constructor", "x"],
    ["", null, ""],
    ["a/", null, ""],
    [`a${"1".repeat(100_000)}`, null, "a"],
  ])("%s in %s is %s", (name, unit, type) => {
    expect(resourceType(name, unit)).toBe(type);
  });
});
