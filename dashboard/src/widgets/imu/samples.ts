// SPDX-License-Identifier: BSD-3-Clause
import { unwrapped } from "../../format.ts";

export type Vector = readonly [number, number, number];

/** What an inertial unit measured at a time; what it has no sensor for is missing. */
export interface Sample {
  /** In any unit: devices say milli-g, g or m/s². */
  readonly acc?: Vector;
  /** In degrees a second. */
  readonly gyro?: Vector;
}

/** A text longer than this is no sample. */
const MAX_TEXT = 4_096;
/** Of the sensors in a sample, so many are looked at. */
const MAX_SENSORS = 16;
/** A number beyond is no measurement. */
const MAX_NUMBER = 1e9;

/**
 * Reads `[{"type": "acc"|"gyro"|"mag", "values": [x, y, z]}, …]`, as JSON or as its text; null when there is nothing
 * of use in it. The order does not matter; of two of a kind the first counts.
 */
export function sampleOf(said: unknown): Sample | null {
  if (typeof said === "string" && said.length > MAX_TEXT) return null;
  const sensors = unwrapped(said);
  if (!Array.isArray(sensors)) return null;
  const found = new Map<string, Vector>();
  for (const sensor of sensors.slice(0, MAX_SENSORS)) {
    const { type, values } = (typeof sensor === "object" && sensor !== null ? sensor : {}) as { type?: unknown; values?: unknown };
    if ((type !== "acc" && type !== "gyro") || found.has(type)) continue;
    const vector = vectorOf(values);
    if (vector !== null) found.set(type, vector);
  }
  if (found.size === 0) return null;
  const [acc, gyro] = [found.get("acc"), found.get("gyro")];
  return { ...(acc !== undefined && { acc }), ...(gyro !== undefined && { gyro }) };
}

export function lengthOf([x, y, z]: Vector): number {
  return Math.hypot(x, y, z);
}

function vectorOf(values: unknown): Vector | null {
  if (!Array.isArray(values) || values.length < 3) return null;
  const [x, y, z] = values as unknown[];
  return isMeasured(x) && isMeasured(y) && isMeasured(z) ? [x, y, z] : null;
}

function isMeasured(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && Math.abs(value) <= MAX_NUMBER;
}
