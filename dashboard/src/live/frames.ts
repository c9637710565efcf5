// SPDX-License-Identifier: BSD-3-Clause

/** How the page says when it wants to paint; tests give their own. */
export interface Painter {
  /** Calls back before the next paint, or after a moment when the page is not shown. */
  request(callback: () => void): void;
}

/** The browser's own: animation frames, which stand still in a hidden tab, so there a timer. */
export const browserPainter: Painter = {
  request(callback) {
    if (document.hidden) setTimeout(callback, 500);
    else requestAnimationFrame(callback);
  },
};

/**
 * Collects items and hands them over once per frame. A queue of `limit` items is handed over at once, so that a
 * hidden tab whose frames do not come never grows without bound.
 */
export class FrameQueue<Item> {
  #items: Item[] = [];
  #requested = false;
  readonly #consume: (items: Item[]) => void;
  readonly #painter: Painter;
  readonly #limit: number;

  constructor(consume: (items: Item[]) => void, painter: Painter = browserPainter, limit = 4096) {
    this.#consume = consume;
    this.#painter = painter;
    this.#limit = limit;
  }

  push(item: Item): void {
    this.#items.push(item);
    if (this.#items.length >= this.#limit) {
      this.flush();
    } else if (!this.#requested) {
      this.#requested = true;
      this.#painter.request(() => {
        this.#requested = false;
        this.flush();
      });
    }
  }

  /** Hands over what is waiting, now. */
  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#consume(items);
  }
}
