// SPDX-License-Identifier: BSD-3-Clause
import type { Deflection } from "./joystick.ts";

/** A motor at full speed. */
export const FULL = 255;
/** What makes the robot stand. */
export const STOP = "0:0:0\n";

/**
 * How a position of the stick is written: `<dx>:<dy>:<dx+dy>` and the end of the line.
 *
 * Robots of years ago understand just this: dx is counted to the left, dy downwards, as the first dashboard did. The
 * stick moves in a circle, so that dx and dy are within ±255; their sum, as it always was, is not cut.
 */
export function payloadOf({ x, y }: Deflection): string {
  const dx = Math.round(-x * FULL);
  const dy = Math.round(y * FULL);
  return `${String(dx)}:${String(dy)}:${String(dx + dy)}\n`;
}

/** The position that a payload means, as the device gives it back; null when it is none. */
export function deflectionOf(payload: unknown): Deflection | null {
  if (typeof payload !== "string" || payload.length > 40) return null;
  const found = /^\s*(-?\d{1,3}):(-?\d{1,3}):-?\d{1,3}\s*$/.exec(payload);
  if (found === null) return null;
  const [dx, dy] = [Number(found[1]), Number(found[2])];
  if (Math.abs(dx) > FULL || Math.abs(dy) > FULL) return null;
  return { x: 0 - dx / FULL, y: dy / FULL };
}
