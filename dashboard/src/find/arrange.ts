// SPDX-License-Identifier: BSD-3-Clause
import { words } from "./fold.ts";
import { FACETS, STATES, type Facet, type Query, type State } from "./query.ts";
import type { Entry } from "./roster.ts";

/** What somebody chose in this browser that matters to what is shown where. */
export interface Kept {
  readonly pinned: ReadonlySet<string>;
  readonly hiddenNodes: ReadonlySet<string>;
}

export interface Group {
  /** What its members have in common: a state, a protocol, a gateway; empty: they have none, or there is one group only. */
  readonly key: string;
  readonly uids: readonly string[];
}

export interface Arranged {
  readonly groups: readonly Group[];
  /** How many are shown, and of those that were hidden here how many there are. */
  readonly shown: number;
  readonly hidden: number;
  /** Of all that are not hidden. */
  readonly states: Readonly<Record<State, number>>;
}

/** Heard of within this time is heard of now: an order that changes with every value cannot be read. */
const JUST_NOW_MS = 60_000;
/** What needs somebody comes first. */
const URGENCY: Readonly<Record<State, number>> = { late: 0, unreachable: 1, gone: 2, online: 3 };

/** Finds, sorts and groups: `entries` are by name already. Pure. */
export function arrange(entries: readonly Entry[], query: Query, kept: Kept, nowMs: number): Arranged {
  const states = { online: 0, late: 0, unreachable: 0, gone: 0 };
  const found: Entry[] = [];
  const wanted = wantedBy(query);
  let hidden = 0;
  for (const entry of entries) {
    if (kept.hiddenNodes.has(entry.uid)) {
      hidden += 1;
      if (!query.hidden) continue;
    }
    states[entry.state] += 1;
    if (wanted(entry)) found.push(entry);
  }
  sort(found, query, kept, nowMs);
  return { groups: grouped(found, query), shown: found.length, hidden, states };
}

/** How many devices each choice of a facet would find with all the other filters as they are; most first. Pure. */
export function choicesOf(facet: Facet, entries: readonly Entry[], query: Query, kept: Kept): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>(query[facet].map((choice) => [choice, 0]));
  const wanted = wantedBy({ ...query, [facet]: [] });
  const count = (choice: string): unknown => counts.set(choice, (counts.get(choice) ?? 0) + 1);
  for (const entry of entries) {
    if ((kept.hiddenNodes.has(entry.uid) && !query.hidden) || !wanted(entry)) continue;
    if (facet === "resource") entry.resources.forEach(count);
    else if (entry[facet] !== "") count(entry[facet]);
  }
  return [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
}

function wantedBy(query: Query): (entry: Entry) => boolean {
  const looked = words(query.text);
  const sets = FACETS.filter((facet) => query[facet].length > 0).map((facet) => [facet, new Set<string>(query[facet])] as const);
  if (looked.length === 0 && sets.length === 0) return () => true;
  return (entry) => {
    for (const [facet, set] of sets) {
      if (facet === "resource" ? !entry.resources.some((name) => set.has(name)) : !set.has(entry[facet])) return false;
    }
    return looked.every((word) => entry.haystack.includes(word));
  };
}

function sort(found: Entry[], query: Query, kept: Kept, nowMs: number): void {
  const pinned = (entry: Entry): number => (kept.pinned.has(entry.uid) ? 0 : 1);
  const keys: Record<Query["sort"], (a: Entry, b: Entry) => number> = {
    name: () => 0,
    uid: (a, b) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0),
    state: (a, b) => URGENCY[a.state] - URGENCY[b.state],
    heard: (a, b) => heard(b) - heard(a),
  };
  const heard = ({ heardMs }: Entry): number => (heardMs === null ? -Infinity : Math.min(heardMs, nowMs - JUST_NOW_MS));
  const byKey = keys[query.sort];
  const anyPinned = kept.pinned.size > 0;
  if (!anyPinned && query.sort === "name") return;
  // The order by name stays among equals: the sort is stable.
  found.sort((a, b) => (anyPinned ? pinned(a) - pinned(b) : 0) || compared(byKey(a, b)));
}

/** −∞ less −∞ is no number. */
function compared(difference: number): number {
  return Number.isNaN(difference) ? 0 : difference;
}

function grouped(found: readonly Entry[], { group }: Query): readonly Group[] {
  if (found.length === 0) return [];
  if (group === "none") return [{ key: "", uids: found.map(({ uid }) => uid) }];
  const byKey = new Map<string, string[]>();
  for (const entry of found) {
    const uids = byKey.get(entry[group]);
    if (uids === undefined) byKey.set(entry[group], [entry.uid]);
    else uids.push(entry.uid);
  }
  const groups = [...byKey].map(([key, uids]) => ({ key, uids }));
  if (group === "state") return groups.sort((a, b) => urgency(a.key) - urgency(b.key));
  return groups.sort((a, b) => (a.key === "" ? 1 : b.key === "" ? -1 : a.key.localeCompare(b.key)));
}

function urgency(key: string): number {
  const state = STATES.find((state) => state === key);
  return state === undefined ? STATES.length : URGENCY[state];
}
