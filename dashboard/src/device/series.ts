// SPDX-License-Identifier: BSD-3-Clause
import type { Columns } from "../live/history.ts";
import type { Stretch } from "./chart_window.ts";

/** What a chart's numbers come to, for who does not see it. */
export interface Summary {
  readonly count: number;
  readonly low: number;
  readonly high: number;
  readonly mean: number;
  readonly last: number;
  readonly lastS: number;
}

export interface Row {
  readonly timeS: number;
  readonly value: number;
}

/** Rows of a chart's table: the newest are shown, the file has them all. */
export const MAX_ROWS = 200;

/** Where in ascending `times` the first is that is not before `timeS`. */
export function indexFrom(times: ArrayLike<number>, timeS: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < timeS) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is in a stretch of time, both ends in; null when nothing is. */
export function summaryOf([times, values]: Columns, { fromS, toS }: Stretch): Summary | null {
  let [count, low, high, sum, last, lastS] = [0, Infinity, -Infinity, 0, 0, 0];
  for (let index = indexFrom(times, fromS); index < times.length; index++) {
    const [timeS, value] = [times[index] ?? 0, values[index] ?? 0];
    if (timeS > toS) break;
    count += 1;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    [last, lastS] = [value, timeS];
  }
  return count === 0 ? null : { count, low, high, mean: sum / count, last, lastS };
}

/** The rows of a stretch of time, newest first, at most `limit`. */
export function rowsOf([times, values]: Columns, { fromS, toS }: Stretch, limit = MAX_ROWS): Row[] {
  const rows: Row[] = [];
  const first = indexFrom(times, fromS);
  for (let index = times.length - 1; index >= first && rows.length < limit; index--) {
    const timeS = times[index] ?? 0;
    if (timeS <= toS) rows.push({ timeS, value: values[index] ?? 0 });
  }
  return rows;
}

/** The values as CSV (RFC 4180). The heading is the device's word: nothing that a spreadsheet would take for a formula. */
export function csvOf([times, values]: Columns, heading: string): string {
  const lines = [`time,${cell(heading)}`];
  for (let index = 0; index < times.length; index++) {
    lines.push(`${new Date((times[index] ?? 0) * 1000).toISOString()},${String(values[index] ?? 0)}`);
  }
  return lines.map((line) => `${line}\r\n`).join("");
}

/** A name for a file, of what a device may have said. */
export function fileName(uid: string, resource: string): string {
  const plain = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "").slice(0, 60);
  return `${[plain(uid), plain(resource)].filter((part) => part !== "").join("_") || "values"}.csv`;
}

function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}
