// SPDX-License-Identifier: BSD-3-Clause
import { History, type Columns } from "../live/history.ts";
import type { Resource } from "../live/model.ts";
import { indexFrom } from "./series.ts";

/** Points that the page of one device keeps of each of its resources: some 5 h of one a second, 320 kB. */
export const PAGE_POINTS = 20_000;
/** Times that are nearer are the same, but for rounding. */
const SAME_S = 1e-4;

/**
 * Keeps more of the past than the histories of all devices can, from when its page is opened until it is left: so also
 * while its charts stand still. Pure.
 */
export class Keeper {
  readonly #kept = new Map<string, History>();
  readonly #points: number;

  constructor(points = PAGE_POINTS) {
    this.#points = points;
  }

  /** What is kept of a resource, with what its history has besides; valid until the next call. */
  columns({ name, history }: Resource): Columns {
    const [times, values] = history.columns();
    let kept = this.#kept.get(name);
    const last = kept?.columns()[0].at(-1) ?? -Infinity;
    // Its clock was set back: what was kept is of another time.
    if (kept === undefined || (times.at(-1) ?? Infinity) < last - SAME_S) kept = new History({ points: this.#points });
    this.#kept.set(name, kept);
    const known = kept.columns()[0].at(-1) ?? -Infinity;
    for (let index = indexFrom(times, known + SAME_S); index < times.length; index++) {
      kept.push((times[index] ?? 0) * 1000, values[index] ?? 0);
    }
    return kept.columns();
  }

  /** Forgets the resources that are no more. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
  }
}
