// SPDX-License-Identifier: BSD-3-Clause
import { untrack } from "svelte";
import { clock } from "../clock.svelte.ts";
import { Roster, type Entry } from "../find/roster.ts";
import { language } from "../i18n/language.svelte.ts";
import { livenessOf } from "../live/liveness.ts";
import type { View } from "../live/view.svelte.ts";
import { prefs } from "../prefs.svelte.ts";

/** States and moments are looked at again this often; names and who is there as they change. */
const STATES_MS = 2000;
/** While very many come, they are not arranged anew with each that does. */
const MANY = 500;
const PAUSE_MS = 250;

/** The devices as they are found and arranged, kept up: looked at once a second, and when one comes or goes. */
export class Arrangement {
  entries = $state.raw<readonly Entry[]>([]);
  /** When states were looked at last. */
  atMs = $state.raw(0);

  readonly #view: View;
  readonly #roster = new Roster();
  #lookedMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #collator = $derived(new Intl.Collator(language.current, { numeric: true, sensitivity: "base" }));

  /** Made while a component is: what it does ends with it. */
  constructor(view: View) {
    this.#view = view;
    $effect.pre(() => {
      void this.#collator;
      untrack(() => {
        this.#roster.resort();
        this.#look(true);
      });
    });
    $effect.pre(() => {
      void [view.uids, prefs.names];
      untrack(() => this.#soon());
    });
    $effect(() => {
      void clock.nowMs;
      untrack(() => this.#look(Math.abs(clock.nowMs - this.atMs) >= STATES_MS));
    });
    $effect(() => () => clearTimeout(this.#timer));
  }

  #soon(): void {
    const waitMs = this.entries.length < MANY ? 0 : this.#lookedMs + PAUSE_MS - performance.now();
    if (waitMs <= 0) this.#look(false);
    else this.#timer ??= setTimeout(() => this.#look(false), waitMs);
  }

  #look(states: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const nowMs = clock.nowMs;
    const changed = this.#roster.refresh(
      {
        uids: this.#view.uids,
        node: (uid) => this.#view.nodes.get(uid),
        names: prefs.names,
        state: (node) => livenessOf(node, nowMs, this.#view.lostMs),
        compare: (a, b) => this.#collator.compare(a, b),
      },
      states,
    );
    this.#lookedMs = performance.now();
    if (changed) this.entries = this.#roster.entries;
    if (states) this.atMs = nowMs;
  }
}
