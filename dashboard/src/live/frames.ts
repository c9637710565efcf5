// SPDX-License-Identifier: BSD-3-Clause

/** How the page says when it wants to paint; tests give their own. */
export interface Painter {
  /** Calls back before the next paint, or after a moment when the page is not shown. */
  request(callback: () => void): void;
  /** A clock that never goes back, ms. */
  nowMs(): number;
}

/** The browser's own: animation frames, which stand still in a hidden tab, so there a timer. */
export const browserPainter: Painter = {
  request(callback) {
    if (document.hidden) setTimeout(callback, 500);
    else requestAnimationFrame(callback);
  },
  nowMs: () => performance.now(),
};

/** Items handed over at once; between two of these the time is looked at. */
export const SLICE = 256;
/** After so much of a frame the rest waits for the next one: what it changed has to be painted, too. */
const FRAME_BUDGET_MS = 8;
/** Items that wait at most, in a hidden tab whose frames do not come, say. */
const MAX_WAITING = 8_192;

/**
 * Collects items and hands them over in slices, once per frame, for a few milliseconds. While `limit` items wait, each
 * slice that comes pushes one out, so that neither memory nor a task grows without bound.
 */
export class FrameQueue<Item> {
  #items: Item[] = [];
  /** Where what waits begins. */
  #start = 0;
  #requested = false;
  readonly #consume: (items: readonly Item[]) => void;
  readonly #painter: Painter;
  readonly #limit: number;

  constructor(consume: (items: readonly Item[]) => void, painter: Painter = browserPainter, limit = MAX_WAITING) {
    this.#consume = consume;
    this.#painter = painter;
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#items.length - this.#start;
  }

  push(item: Item): void {
    this.#items.push(item);
    if (this.waiting >= this.#limit) this.#hand(SLICE);
    if (this.waiting > 0) this.#request();
  }

  /** Hands over what is waiting, now. */
  flush(): void {
    while (this.waiting > 0) this.#hand(this.waiting);
  }

  #request(): void {
    if (this.#requested) return;
    this.#requested = true;
    this.#painter.request(() => {
      this.#requested = false;
      const untilMs = this.#painter.nowMs() + FRAME_BUDGET_MS;
      while (this.waiting > 0) {
        this.#hand(SLICE);
        if (this.#painter.nowMs() >= untilMs) break;
      }
      if (this.waiting > 0) this.#request();
    });
  }

  #hand(count: number): void {
    const end = Math.min(this.#start + count, this.#items.length);
    const slice = this.#items.slice(this.#start, end);
    this.#start = end;
    if (this.#start === this.#items.length) {
      this.#items = [];
      this.#start = 0;
    } else if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    this.#consume(slice);
  }
}
