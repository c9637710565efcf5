// SPDX-License-Identifier: BSD-3-Clause
import type { Node } from "../live/model.ts";
import { ownNameOf, protocolOf, textOf } from "../naming.ts";
import { fold } from "./fold.ts";
import type { State } from "./query.ts";

/** What finding and arranging need of a device. Replaced, never changed. */
export interface Entry {
  readonly uid: string;
  /** Given here, or its own; empty while it has none. */
  readonly name: string;
  readonly protocol: string;
  readonly gateway: string;
  readonly resources: readonly string[];
  /** All that a search looks at, folded. */
  readonly haystack: string;
  readonly state: State;
  readonly heardMs: number | null;
}

/** Of what a roster is made; all of it given, so that it knows neither clock nor page. */
export interface Source {
  readonly uids: readonly string[];
  readonly node: (uid: string) => Node | undefined;
  readonly names: ReadonlyMap<string, string>;
  readonly state: (node: Node) => Liveness;
  readonly compare: (a: string, b: string) => number;
}

interface Liveness {
  readonly state: State;
  readonly lastMs: number | null;
}

/** A device as it was when it was looked at last, and what came of it. */
interface Known {
  node: Node;
  given: string | undefined;
  said: string;
  entry: Entry;
}

/** Of one text of a device no more than this is searched, and of all of them together. */
const MAX_PART = 256;
const MAX_HAYSTACK = 4096;
/** Resources whose text is searched besides names. */
const SEARCHED = ["board", "ip", "os", "mcu", "vendor", "version"] as const;

/**
 * The devices as they are found and arranged: by name, in the order of the reader's language. Pure.
 *
 * Made to be asked often: what did not change since it was asked last costs a comparison.
 */
export class Roster {
  /** By name, then by uid. Another array when anything is otherwise. */
  entries: readonly Entry[] = [];
  readonly #byUid = new Map<string, Known>();

  /** Looks at all devices again; true when anything is otherwise. Without `states`, states stay as they were. */
  refresh(source: Source, states: boolean): boolean {
    const added: Entry[] = [];
    let changed = false;
    let moved = false;
    let seen = 0;
    for (const uid of source.uids) {
      const node = source.node(uid);
      if (node === undefined) continue;
      seen += 1;
      const given = source.names.get(uid);
      const known = this.#byUid.get(uid);
      if (known === undefined) {
        const said = saidBy(node, given);
        const entry = entryOf(node, given, said, source.state(node));
        this.#byUid.set(uid, { node, given, said, entry });
        added.push(entry);
        continue;
      }
      const old = known.entry;
      const { state, lastMs } = states ? source.state(node) : { state: old.state, lastMs: old.heardMs };
      let entry = state === old.state && lastMs === old.heardMs ? old : { ...old, state, heardMs: lastMs };
      if (node !== known.node || given !== known.given) {
        const said = saidBy(node, given);
        if (said !== known.said || protocolOf(node) !== old.protocol || node.gateway !== old.gateway) {
          entry = entryOf(node, given, said, { state, lastMs });
          moved ||= entry.name !== old.name;
        }
        Object.assign(known, { node, given, said });
      }
      if (entry === old) continue;
      known.entry = entry;
      changed = true;
    }
    if (seen < this.#byUid.size) {
      const present = new Set(source.uids);
      for (const uid of this.#byUid.keys()) if (!present.has(uid)) this.#byUid.delete(uid);
      changed = true;
    }
    if (!changed && added.length === 0) return false;
    const kept = this.entries.flatMap(({ uid }) => this.#byUid.get(uid)?.entry ?? []);
    const byName = (a: Entry, b: Entry): number => source.compare(a.name, b.name) || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
    // A sort of what is nearly in order is cheap, and the comparison of two texts in a language is not.
    if (moved) kept.sort(byName);
    this.entries = added.length === 0 ? kept : merged(kept, added.sort(byName), byName);
    return true;
  }

  /** Sorts all anew: the language is another one. */
  resort(): void {
    this.entries = [];
    this.#byUid.clear();
  }
}

/** The texts of a device that are searched, its names first. */
function saidBy(node: Node, given: string | undefined): string {
  const parts = [given ?? "", ownNameOf(node), node.uid, ...SEARCHED.map((name) => textOf(node, name)), ...node.resources.keys()];
  return parts
    .map((part) => part.slice(0, MAX_PART))
    .join("\n")
    .slice(0, MAX_HAYSTACK);
}

function entryOf(node: Node, given: string | undefined, said: string, { state, lastMs }: Liveness): Entry {
  return {
    uid: node.uid,
    name: given ?? ownNameOf(node),
    protocol: protocolOf(node),
    gateway: node.gateway,
    resources: [...node.resources.keys()],
    haystack: fold(said),
    state,
    heardMs: lastMs,
  };
}

/** Two sorted lists as one. */
function merged(a: readonly Entry[], b: readonly Entry[], compare: (a: Entry, b: Entry) => number): Entry[] {
  const all: Entry[] = [];
  let next = 0;
  for (const entry of a) {
    for (let other = b[next]; other !== undefined && compare(other, entry) < 0; other = b[++next]) all.push(other);
    all.push(entry);
  }
  return all.concat(b.slice(next));
}
