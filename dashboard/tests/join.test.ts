// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { idOf, otherId, readIdentity } from "../src/join/identity.ts";
import { accelerationOf, pace } from "../src/join/sensors.ts";

const ID = /^[A-Za-z0-9._:-]{1,64}$/;

describe("an id", () => {
  it.each([
    ["Anna", "anna"],
    ["Zoë's phone", "zoe-s-phone"],
    ["  a  b  ", "a-b"],
    ["__proto__", "proto"],
    ["日本", "visitor"],
    ["", "visitor"],
    [`${"x".repeat(47)} y`, "x".repeat(47)],
  ])("of %j is %s", (name, id) => {
    expect(idOf(name)).toBe(id);
    expect(id).toMatch(ID);
  });

  it("is another one where that is taken", () => {
    expect([0, 0.5, 0.9999999].map((random) => otherId("Anna", random))).toEqual(["anna-0000", "anna-i000", "anna-zzzz"]);
    expect(otherId("x".repeat(99), 0.3)).toMatch(ID);
  });
});

describe("what was kept of somebody", () => {
  it("is read, where it makes sense", () => {
    const anna = { name: "Anna", id: "anna", token: "t" };
    expect(readIdentity(JSON.stringify(anna))).toEqual(anna);
    expect(readIdentity('{"name": "A", "id": "a"}')).toEqual({ name: "A", id: "a", token: null });
    for (const text of [null, "", "{", "5", "null", "[]", "{}", '{"name": 1, "id": "a"}', '{"name": "A", "id": "a b"}']) expect(readIdentity(text)).toBeNull();
  });
});

describe("sensors", () => {
  it("tell at most so often", () => {
    const isDue = pace(100);
    expect([5, 6, 104, 105, 106, 1000].filter(isDue)).toEqual([5, 105, 1000]);
  });

  it("tell motion as the browser gives it", () => {
    const none = { x: null, y: null, z: null };
    const still = { x: 0.001, y: 0, z: 9.80665 };
    expect(accelerationOf({ acceleration: still, accelerationIncludingGravity: none })).toEqual({ x: 0, y: 0, z: 9.81 });
    expect(accelerationOf({ acceleration: none, accelerationIncludingGravity: still })).toEqual({ x: 0, y: 0, z: 9.81 });
    expect(accelerationOf({ acceleration: null, accelerationIncludingGravity: null })).toBeNull();
  });
});
