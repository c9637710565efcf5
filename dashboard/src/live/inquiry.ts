// SPDX-License-Identifier: BSD-3-Clause
import type { News } from "./news.ts";

/**
 * Questions for the nodes that went, whose answers come in pages. Pure.
 *
 * Who was dismissed since a question began may be in its first pages still, and is not to be shown again.
 */
export class Inquiry {
  readonly #dismissed = new Set<string>();
  #open = 0;

  begin(): void {
    this.#open += 1;
  }

  /** Hears what the watch tells meanwhile. */
  hear(news: News): void {
    if (this.#open > 0 && news.type === "dismissed") this.#dismissed.add(news.uid);
  }

  /** Ends one question; what of its answer holds still. */
  end<Told extends { readonly uid: string }>(nodes: readonly Told[]): readonly Told[] {
    const left = nodes.filter(({ uid }) => !this.#dismissed.has(uid));
    this.#open -= 1;
    if (this.#open === 0) this.#dismissed.clear();
    return left;
  }
}
