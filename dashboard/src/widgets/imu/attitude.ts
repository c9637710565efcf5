// SPDX-License-Identifier: BSD-3-Clause
import { lengthOf, type Sample, type Vector } from "./samples.ts";

/** A unit quaternion [x, y, z, w] that turns what is fixed to the body into the world, whose z points up. */
export type Quaternion = readonly [number, number, number, number];

export const LEVEL: Quaternion = [0, 0, 0, 1];

/** Over a longer silence nobody knows how it was turned: nothing is integrated. */
export const MAX_GAP_S = 1;
/** A tilt that the acceleration contradicts is put right with this time constant. */
export const TILT_SETTLES_S = 0.5;

/** Gravity as devices say it: in g, in m/s², in milli-g. */
const GRAVITIES = [1, 9.80665, 1000];
/** So far from all of them it is the hand that accelerates it, not only gravity. */
const GRAVITY_TOLERANCE = 0.15;

/**
 * How the body lies after a sample that came `gapS` after the one before: a complementary filter. The gyroscope says
 * how it turned, the acceleration, where it is just gravity, which way is down. Pure.
 */
export function turned(before: Quaternion, { acc, gyro }: Sample, gapS: number): Quaternion {
  const isGap = !(gapS > 0 && gapS <= MAX_GAP_S);
  let now = before;
  if (gyro !== undefined && !isGap) {
    const radians = (lengthOf(gyro) * Math.PI * gapS) / 180;
    now = multiplied(before, around(gyro, radians));
  }
  if (acc !== undefined && isGravity(acc)) {
    const up = rotated(now, acc);
    const tilt = Math.acos(clamped(up[2] / lengthOf(up)));
    // Without a gyroscope nothing else says how it lies; after a gap the truth is taken at once, too.
    const share = gyro === undefined || isGap ? 1 : 1 - Math.exp(-gapS / TILT_SETTLES_S);
    // The axis is level: which way it faces is left alone. Upside down any level axis will do.
    const axis: Vector = Math.hypot(up[0], up[1]) > 1e-9 * lengthOf(up) ? [up[1], -up[0], 0] : [1, 0, 0];
    now = multiplied(around(axis, tilt * share), now);
  }
  return normalized(now);
}

/** A turn by an angle (radians) around an axis of any length. */
export function around(axis: Vector, radians: number): Quaternion {
  const length = lengthOf(axis);
  if (!(length > 0) || !Number.isFinite(radians)) return LEVEL;
  const scale = Math.sin(radians / 2) / length;
  return [axis[0] * scale, axis[1] * scale, axis[2] * scale, Math.cos(radians / 2)];
}

/** First b, then a. */
export function multiplied(a: Quaternion, b: Quaternion): Quaternion {
  const [ax, ay, az, aw] = a;
  const [bx, by, bz, bw] = b;
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

export function rotated(q: Quaternion, [x, y, z]: Vector): Vector {
  const [rx, ry, rz] = multiplied(multiplied(q, [x, y, z, 0]), [-q[0], -q[1], -q[2], q[3]]);
  return [rx, ry, rz];
}

/** Of length 1, however the errors of many products add up. */
function normalized(q: Quaternion): Quaternion {
  const length = Math.hypot(...q);
  if (!(length > 0) || !Number.isFinite(length)) return LEVEL;
  return [q[0] / length, q[1] / length, q[2] / length, q[3] / length];
}

function isGravity(acc: Vector): boolean {
  const length = lengthOf(acc);
  return GRAVITIES.some((gravity) => Math.abs(length / gravity - 1) <= GRAVITY_TOLERANCE);
}

function clamped(cosine: number): number {
  return Math.min(Math.max(cosine, -1), 1);
}
