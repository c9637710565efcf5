// SPDX-License-Identifier: BSD-3-Clause

const FIRST_CAPACITY = 32;

/** Times and values, of equal length. */
export type Columns = [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];

/** The newest numbers of one resource with their times (Unix seconds), oldest first; bounded. */
export class History {
  #times = new Float64Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #start = 0;
  #end = 0;
  readonly #limit: number;

  constructor(limit = 600) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds the newest number. Points that are not older go: the same moment said again, or a clock that was set back. */
  push(atMs: number, value: number): void {
    const time = atMs / 1000;
    while (this.length > 0 && (this.#times[this.#end - 1] ?? 0) >= time) this.#end -= 1;
    if (this.#end === this.#times.length) this.#makeRoom();
    this.#times[this.#end] = time;
    this.#values[this.#end] = value;
    this.#end += 1;
    if (this.length > this.#limit) this.#start += 1;
  }

  /** Views of the kept part; valid until the next push. */
  columns(): Columns {
    return [this.#times.subarray(this.#start, this.#end), this.#values.subarray(this.#start, this.#end)];
  }

  #makeRoom(): void {
    const full = this.length * 2 > this.#times.length;
    const capacity = full ? this.#times.length * 2 : this.#times.length;
    const [times, values] = this.columns();
    const target: Columns = full
      ? [new Float64Array(capacity), new Float64Array(capacity)]
      : [this.#times, this.#values];
    const kept = this.length;
    target[0].set(times);
    target[1].set(values);
    [this.#times, this.#values] = target;
    this.#start = 0;
    this.#end = kept;
  }
}
