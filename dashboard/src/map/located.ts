// SPDX-License-Identifier: BSD-3-Clause
import { livenessOf, type Liveness } from "../live/liveness.ts";
import type { Node } from "../live/model.ts";
import { nameOf } from "../naming.ts";
import type { Placed } from "./cluster.ts";
import { project, type Position } from "./mercator.ts";
import { nodePosition } from "./position.ts";

/** A device that has said where it is. */
export interface Located extends Placed {
  readonly name: string;
  readonly state: Liveness["state"];
  readonly position: Position;
}

/** What is worse is what a cluster shows. */
const WORST: readonly Located["state"][] = ["unreachable", "late", "gone", "online"];

/** The devices that have said where they are, by name. Pure. */
export function locate(nodes: Iterable<Node>, names: ReadonlyMap<string, string>, nowMs: number, lostMs: number | null): Located[] {
  const located: Located[] = [];
  for (const node of nodes) {
    const position = nodePosition(node);
    if (position === null) continue;
    located.push({ uid: node.uid, name: nameOf(node, names), state: livenessOf(node, nowMs, lostMs).state, position, point: project(position) });
  }
  return located.sort((a, b) => ORDER.compare(a.name, b.name) || (a.uid < b.uid ? -1 : 1));
}

const ORDER = new Intl.Collator(undefined, { numeric: true });

/** The state that a mark of several shows. */
export function worstOf(items: readonly Located[]): Located["state"] {
  return WORST.find((state) => items.some((item) => item.state === state)) ?? "online";
}

/** Whether nothing that is shown has changed, so that the marks need not be made again. */
export function isSame(a: readonly Located[], b: readonly Located[]): boolean {
  return a.length === b.length && a.every((one, index) => same(one, b[index]));
}

function same(one: Located, other: Located | undefined): boolean {
  return (
    one.uid === other?.uid &&
    one.name === other.name &&
    one.state === other.state &&
    one.point.x === other.point.x &&
    one.point.y === other.point.y
  );
}
