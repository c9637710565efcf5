// SPDX-License-Identifier: BSD-3-Clause
import { untrack } from "svelte";
import { clock } from "../clock.svelte.ts";
import type { View } from "../live/view.svelte.ts";
import { prefs } from "../prefs.svelte.ts";
import { isSame, locate, type Located } from "./located.ts";

/**
 * Where the devices are, looked up when they come and go and once a second: each of thousands of values a second may be
 * a position, but nobody sees more. Made by a component, since it ends with it.
 */
export class Places {
  #last: readonly Located[] = [];

  readonly all = $derived.by<readonly Located[]>(() => {
    const nowMs = clock.nowMs;
    const { names } = prefs;
    void this.#view.uids;
    void this.#view.status;
    const now = untrack(() => locate(this.#view.nodes.values(), names, nowMs, this.#view.lostMs));
    if (!isSame(now, this.#last)) this.#last = now;
    return this.#last;
  });

  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }
}
