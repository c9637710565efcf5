// SPDX-License-Identifier: BSD-3-Clause

const FIRST_CAPACITY = 8;
/** Points kept of a resource. */
export const MAX_POINTS = 600;
const NOTHING = new Float64Array(0);

/** Times and values, of equal length. */
export type Columns = [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];

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
  readonly #limit: number;

  constructor(limit = MAX_POINTS) {
    this.#limit = limit;
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
    if (this.length > this.#limit) this.#start += 1;
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
    const capacity = Math.min(kept * 2, this.#limit + (this.#limit >> 1) + 1);
    const [times, values] = this.columns();
    if (capacity > this.#times.length) {
      this.#times = new Float64Array(capacity);
      this.#values = new Float64Array(capacity);
    }
    this.#times.set(times);
    this.#values.set(values);
    this.#start = 0;
    this.#end = kept;
  }
}
