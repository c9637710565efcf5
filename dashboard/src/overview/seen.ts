// SPDX-License-Identifier: BSD-3-Clause
import type { Attachment } from "svelte/attachments";

/** Tells of elements whether they are on the screen, or within `margin` of it; one observer for all of them. */
export class Seen {
  readonly #told = new WeakMap<Element, (seen: boolean) => void>();
  readonly #observer: IntersectionObserver;

  constructor(margin: string) {
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) this.#told.get(entry.target)?.(entry.isIntersecting);
      },
      { rootMargin: margin },
    );
  }

  /** For `{@attach …}`. */
  tell(told: (seen: boolean) => void): Attachment<Element> {
    return (element) => {
      this.#told.set(element, told);
      this.#observer.observe(element);
      return () => {
        this.#observer.unobserve(element);
        this.#told.delete(element);
      };
    };
  }
}
