// SPDX-License-Identifier: BSD-3-Clause
import type { Config } from "../config.ts";

export type State = "online" | "late" | "unreachable" | "gone";
export type Counts = Readonly<Record<State, number>>;

/** How many there are of each. Pure. */
export function countStates(states: Iterable<State>): Counts {
  const counts = { online: 0, late: 0, unreachable: 0, gone: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}

/** What the tab says: first how many want a look, as `(2) Barn`. Pure. */
export function documentTitle({ title }: Pick<Config, "title">, { late, unreachable }: Counts): string {
  const troubled = late + unreachable;
  return troubled === 0 ? title : `(${String(troubled)}) ${title}`;
}
