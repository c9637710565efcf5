// SPDX-License-Identifier: BSD-3-Clause

/** What comes closer together is one sign: the values of one message, one after the other. */
const BURST_MS = 1_000;
/** So many gaps have to be seen before one speaks of a rhythm. */
const MIN_GAPS = 3;
/** How much of what is known a new gap replaces. */
const WEIGHT = 0.25;
/** A rhythm whose gaps differ from each other by more than this part of their length is none. */
const MAX_DEVIATION = 0.5;

/** To what people would say: seconds, of short ones tenths. */
function roundMs(lengthMs: number): number {
  const toMs = lengthMs < 10_000 ? 100 : 1_000;
  return Math.round(lengthMs / toMs) * toMs;
}

/** How often something happens, learned from when it happened: five numbers, however long it goes on. */
export class Rhythm {
  #lastMs: number;
  #gaps = 0;
  #meanMs = 0;
  #deviationMs = 0;
  #everyMs: number | null = null;

  constructor(firstMs: number) {
    this.#lastMs = firstMs;
  }

  /** The usual gap; null while there is none: too little was seen, or it comes as it likes. */
  get everyMs(): number | null {
    return this.#everyMs;
  }

  /** It happened; what is older than the last time says nothing. */
  note(atMs: number): void {
    const gapMs = atMs - this.#lastMs;
    if (!(gapMs >= BURST_MS)) return;
    this.#lastMs = atMs;
    this.#gaps = Math.min(this.#gaps + 1, MIN_GAPS);
    if (this.#gaps === 1) {
      this.#meanMs = gapMs;
      return;
    }
    // One long silence, such as a night without power, is not a new habit.
    const countedMs = Math.min(gapMs, 4 * this.#meanMs);
    this.#deviationMs += WEIGHT * (Math.abs(countedMs - this.#meanMs) - this.#deviationMs);
    this.#meanMs += WEIGHT * (countedMs - this.#meanMs);
    const isRegular = this.#gaps === MIN_GAPS && this.#deviationMs <= MAX_DEVIATION * this.#meanMs;
    if (!isRegular) this.#everyMs = null;
    // A rhythm that is a little off the known one is the known one: what shows it need not change with each value.
    else if (this.#everyMs === null || Math.abs(this.#everyMs - this.#meanMs) > 0.1 * this.#everyMs) {
      this.#everyMs = roundMs(this.#meanMs);
    }
  }
}
