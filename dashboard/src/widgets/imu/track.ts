// SPDX-License-Identifier: BSD-3-Clause
import { LEVEL, turned, type Quaternion } from "./attitude.ts";
import { lengthOf, sampleOf } from "./samples.ts";

/** Samples kept for the charts: two minutes at five a second. */
export const MAX_SAMPLES = 600;
/** Motions kept while no widget shows them. */
export const MAX_TRACKS = 64;

type Column = (number | null)[];

/** Unix seconds, ‖acc‖, gyro x, y, z; null where there was no such sensor. */
export type Columns = readonly [number[], Column, Column, Column, Column];

/** The motion of one device as far as this page has seen it: what the charts show, and how the body lies. */
export class Track {
  readonly columns: Columns = [[], [], [], [], []];
  attitude: Quaternion = LEVEL;
  #lastMs: number | null = null;

  get hasGyro(): boolean {
    return this.columns[2].some((value) => value !== null);
  }

  get hasAcc(): boolean {
    return this.columns[1].some((value) => value !== null);
  }

  /** Takes what the device said at a moment; false when it is not newer, or says nothing of motion. */
  take(said: unknown, atMs: number): boolean {
    if (this.#lastMs !== null && atMs <= this.#lastMs) {
      // A clock that was set back by far begins anew.
      if (this.#lastMs - atMs < 60_000) return false;
      this.#clear();
    }
    const sample = sampleOf(said);
    if (sample === null) return false;
    const gapS = this.#lastMs === null ? 0 : (atMs - this.#lastMs) / 1000;
    this.#lastMs = atMs;
    this.attitude = turned(this.attitude, sample, gapS);
    const { acc, gyro = [null, null, null] } = sample;
    const row = [atMs / 1000, acc === undefined ? null : lengthOf(acc), ...gyro];
    this.columns.forEach((column, place) => {
      (column as Column).push(row[place] ?? null);
      if (column.length > MAX_SAMPLES) column.shift();
    });
    return true;
  }

  /** It lies level and faces the reader from now on. */
  reset(): void {
    this.attitude = LEVEL;
  }

  #clear(): void {
    for (const column of this.columns) column.length = 0;
    this.#lastMs = null;
  }
}

const tracks = new Map<string, Track>();

/** The track of a resource: the same for each widget that shows it, now and after it was off the screen. */
export function trackOf(uid: string, resource: string): Track {
  const key = `${uid} ${resource}`;
  const track = tracks.get(key) ?? new Track();
  tracks.delete(key);
  tracks.set(key, track);
  for (const oldest of tracks.keys()) {
    if (tracks.size <= MAX_TRACKS) break;
    tracks.delete(oldest);
  }
  return track;
}
