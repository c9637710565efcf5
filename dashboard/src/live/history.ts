// SPDX-License-Identifier: BSD-3-Clause

const FIRST_CAPACITY = 8;
/** Points kept of a resource at most, at least, and of all together: some 60 MB. */
export const MAX_POINTS = 600;
const MIN_POINTS = 60;
const MAX_POINTS_OF_ALL = 3_000_000;
const NOTHING = new Float64Array(0);

/** Times and values, of equal length. */
export type Columns = [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];

/** How many points each of many histories keeps; they share one. */
export interface Bound {
  points: number;
}

/** The bound of each of `count` histories. */
export function pointsOf(count: number): number {
  return Math.min(MAX_POINTS, Math.max(MIN_POINTS, Math.floor(MAX_POINTS_OF_ALL / Math.max(count, 1))));
}

/**
 * The newest numbers of one resource with their times (Unix seconds), oldest first; bounded.
 *
 * Thousands of resources never say a second number, so the arrays are made when there is one, or somebody looks.
 */
export class History {
  #times = NOTHING;
  #values = NOTHING;
  #start = 0;
  #end = 0;
  /** The first point, while there are no arrays. */
  #firstTime = 0;
  #firstValue = 0;
  readonly #bound: Bound;

  constructor(bound: Bound = { points: MAX_POINTS }) {
    this.#bound = bound;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds the newest number. Points that are not older go: the same moment said again, or a clock that was set back. */
  push(atMs: number, value: number): void {
    const time = atMs / 1000;
    if (this.#times === NOTHING) {
      if (this.#end === 0 || this.#firstTime >= time) {
        this.#firstTime = time;
        this.#firstValue = value;
        this.#end = 1;
        return;
      }
      this.#makeArrays();
    }
    while (this.length > 0 && (this.#times[this.#end - 1] ?? 0) >= time) this.#end -= 1;
    if (this.#end === this.#times.length) this.#makeRoom();
    this.#times[this.#end] = time;
    this.#values[this.#end] = value;
    this.#end += 1;
    this.#start = Math.max(this.#start, this.#end - this.#bound.points);
  }

  /** Views of the kept part; valid until the next push. */
  columns(): Columns {
    if (this.#times === NOTHING && this.#end > 0) this.#makeArrays();
    return [this.#times.subarray(this.#start, this.#end), this.#values.subarray(this.#start, this.#end)];
  }

  #makeArrays(): void {
    this.#times = new Float64Array(FIRST_CAPACITY);
    this.#values = new Float64Array(FIRST_CAPACITY);
    this.#times[0] = this.#firstTime;
    this.#values[0] = this.#firstValue;
  }

  #makeRoom(): void {
    const kept = this.length;
    // A full one has half as much again, so that its points are moved once in 300 numbers.
    const { points } = this.#bound;
    const capacity = Math.min(Math.max(kept * 2, FIRST_CAPACITY), points + (points >> 1) + 1);
    const [times, values] = this.columns();
    // Smaller, too: there are more histories now.
    if (capacity > this.#times.length || capacity * 2 < this.#times.length) {
      this.#times = new Float64Array(capacity);
      this.#values = new Float64Array(capacity);
    }
    this.#times.set(times);
    this.#values.set(values);
    this.#start = 0;
    this.#end = kept;
  }
}
