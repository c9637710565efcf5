// SPDX-License-Identifier: BSD-3-Clause
import type { Columns } from "../live/history.ts";

export interface Extent {
  readonly low: number;
  readonly high: number;
  readonly spanMs: number;
}

/** The lowest and the highest of the kept numbers, and over how long; null when there are fewer than two. */
export function boundsIn([times, values]: Columns): Extent | null {
  if (values.length < 2) return null;
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high, spanMs: ((times[times.length - 1] ?? 0) - (times[0] ?? 0)) * 1000 };
}
