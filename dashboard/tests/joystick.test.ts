// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, test } from "vitest";
import { Drive, MAX_STOPS, REPEAT_MS, SECOND_STOP_AFTER_MS, STOP_AGAIN_AFTER_MS, type Order } from "../src/widgets/joystick/drive.ts";
import { CENTRE, deflectionAt, deflectionOfKeys } from "../src/widgets/joystick/joystick.ts";
import { deflectionOf, payloadOf, STOP } from "../src/widgets/joystick/payload.ts";

const RIGHT = { x: 1, y: 0 };
const UP = { x: 0, y: -1 };

function told(order: Order | null): Order {
  if (order === null) throw new Error("nothing was told");
  return order;
}

describe("the payload", () => {
  test("is what robots of years ago understand: dx to the left, dy downwards, their sum, the end of the line", () => {
    expect(payloadOf(RIGHT)).toBe("-255:0:-255\n");
    expect(payloadOf({ x: -1, y: 0 })).toBe("255:0:255\n");
    expect(payloadOf(UP)).toBe("0:-255:-255\n");
    expect(payloadOf({ x: -0.5, y: 0.25 })).toBe("128:64:192\n");
    expect(payloadOf(CENTRE)).toBe(STOP);
  });

  test("is read back from what the device says, and from nothing else", () => {
    expect(deflectionOf("-255:0:-255\n")).toEqual(RIGHT);
    expect(deflectionOf("0:0:0")).toEqual(CENTRE);
    for (const other of ["256:0:256", "1:2", "a:b:c", "1:2:3:4", "1e2:0:0", "", `${"0".repeat(60)}:0:0`, 0, null, { dx: 1 }]) {
      expect(deflectionOf(other)).toBeNull();
    }
  });
});

describe("the stick", () => {
  test("follows the pointer within a circle, and never leaves it", () => {
    expect(deflectionAt(50, 50, 100, 100)).toEqual(CENTRE);
    expect(deflectionAt(65, 50, 100, 100)).toEqual({ x: 0.5, y: 0 });
    const far = deflectionAt(5_050, -4_950, 100, 100);
    expect(Math.hypot(far.x, far.y)).toBeCloseTo(1);
    expect([far.x, far.y]).toEqual([expect.closeTo(Math.SQRT1_2), expect.closeTo(-Math.SQRT1_2)]);
  });

  test("of no size, or somewhere that is no number, is in the middle", () => {
    expect(deflectionAt(3, 4, 0, 0)).toEqual(CENTRE);
    expect(deflectionAt(NaN, 4, 100, 100)).toEqual(CENTRE);
  });

  test("is pushed all the way by arrows; opposite ones cancel", () => {
    expect(deflectionOfKeys(new Set(["ArrowUp"]))).toEqual(UP);
    expect(deflectionOfKeys(new Set(["ArrowLeft", "ArrowRight"]))).toEqual(CENTRE);
    const aslant = deflectionOfKeys(new Set(["ArrowUp", "ArrowRight"]));
    expect(Math.hypot(aslant.x, aslant.y)).toBeCloseTo(1);
  });
});

describe("driving", () => {
  test("tells the position on press and each second, the newest one", () => {
    const drive = new Drive();
    const first = told(drive.hold(RIGHT, 0));
    expect(first.payload).toBe("-255:0:-255\n");
    expect(drive.done(first, true, 30)).toBeNull();
    expect(drive.hold(UP, 500)).toBeNull();
    expect(drive.dueMs).toBe(REPEAT_MS);
    expect(told(drive.tick(REPEAT_MS)).payload).toBe("0:-255:-255\n");
  });

  test("has one position under way: the next waits for its outcome, then is told at once", () => {
    const drive = new Drive();
    const first = told(drive.hold(RIGHT, 0));
    expect(drive.dueMs).toBe(Infinity);
    expect(drive.tick(5_000)).toBeNull();
    expect(drive.hold(UP, 5_100)).toBeNull();
    expect(told(drive.done(first, false, 5_200)).payload).toBe("0:-255:-255\n");
  });

  test("letting go stops now and again after 100 ms, and is over when the device confirmed", () => {
    const drive = new Drive();
    drive.done(told(drive.hold(RIGHT, 0)), true, 10);
    const first = told(drive.release(400));
    expect(first.payload).toBe(STOP);
    expect(drive.dueMs).toBe(400 + SECOND_STOP_AFTER_MS);
    expect(drive.done(first, true, 420)).toBeNull();
    expect(drive.isMoving).toBe(true);
    expect(told(drive.tick(500)).payload).toBe(STOP);
    expect(drive.isMoving).toBe(false);
    expect(drive.dueMs).toBe(Infinity);
  });

  test("a stop does not wait for a position, and is told again after it: that could have arrived later", () => {
    const drive = new Drive();
    const position = told(drive.hold(RIGHT, 0));
    const first = told(drive.release(200));
    const second = told(drive.tick(300));
    expect(drive.done(first, true, 310)).toBeNull();
    expect(drive.done(second, true, 320)).toBeNull();
    expect(drive.isMoving).toBe(true);
    const third = told(drive.done(position, false, 700));
    expect(third.payload).toBe(STOP);
    drive.done(third, true, 720);
    expect(drive.isMoving).toBe(false);
  });

  test("a stop that failed is told again until the device confirms it, or nobody can help any more", () => {
    const drive = new Drive();
    drive.done(told(drive.hold(RIGHT, 0)), true, 1);
    drive.done(told(drive.release(10)), false, 20);
    drive.done(told(drive.tick(110)), false, 120);
    expect(drive.dueMs).toBe(110 + STOP_AGAIN_AFTER_MS);
    let stops = 2;
    for (let now = 2_000; drive.dueMs !== Infinity; now += STOP_AGAIN_AFTER_MS) {
      drive.done(told(drive.tick(now)), false, now + 1);
      stops += 1;
    }
    expect(stops).toBe(MAX_STOPS);
    // It is still owed: a connection that comes back tells it.
    expect(told(drive.reconnected(9_999_999)).payload).toBe(STOP);
  });

  test("when the connection is back an owed stop is told at once, and nothing else", () => {
    const drive = new Drive();
    expect(drive.reconnected(0)).toBeNull();
    const position = told(drive.hold(RIGHT, 0));
    drive.done(told(drive.release(10)), false, 11);
    drive.done(position, false, 12);
    expect(told(drive.reconnected(50)).payload).toBe(STOP);
    drive.done(told(drive.tick(150)), true, 160);
    expect(drive.isMoving).toBe(false);
    expect(drive.reconnected(200)).toBeNull();
  });

  test("taking the stick again ends the stopping; what the old stops became says nothing", () => {
    const drive = new Drive();
    drive.done(told(drive.hold(RIGHT, 0)), true, 1);
    const stop = told(drive.release(10));
    expect(told(drive.hold(UP, 50)).payload).toBe("0:-255:-255\n");
    expect(drive.done(stop, true, 60)).toBeNull();
    expect(drive.tick(110)).toBeNull();
    expect(drive.isMoving).toBe(true);
  });

  test("letting go of what is not held tells nothing", () => {
    expect(new Drive().release(0)).toBeNull();
  });
});
