// SPDX-License-Identifier: BSD-3-Clause

/** How high cards were when they were seen last, by uid: what is laid out again is laid out nearly right. Bounded. */
class Sizes {
  readonly #heights = new Map<string, number>();

  get(uid: string): number | undefined {
    return this.#heights.get(uid);
  }

  set(uid: string, height: number): void {
    if (this.#heights.size >= MAX_SIZES) this.#heights.clear();
    this.#heights.set(uid, height);
  }
}

const MAX_SIZES = 20_000;

export const sizes = new Sizes();
