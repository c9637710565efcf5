// SPDX-License-Identifier: BSD-3-Clause
import type { Point } from "./mercator.ts";

/** Something that has a name of its own and a place on the world. */
export interface Placed {
  readonly uid: string;
  readonly point: Point;
}

/** What is so near to each other that it is one mark on the screen. */
export interface Cluster<Item extends Placed> {
  /** The uid of the one it was begun with: the same while zoom and nodes are. */
  readonly key: string;
  /** The middle of its items. */
  readonly point: Point;
  readonly items: readonly Item[];
}

/**
 * Gathers items of which one is within `radius` pixels of another's, in a world `scale` pixels wide: greedily, in their order,
 * so that the same items make the same clusters wherever the map is moved to. A grid of cells as large as the radius
 * says where to look: the time grows with the items, not with their square. Pure.
 */
export function clustered<Item extends Placed>(items: Iterable<Item>, scale: number, radius: number): Cluster<Item>[] {
  const found: Gathering<Item>[] = [];
  const cells = new Map<number, Gathering<Item>[]>();
  // Cells are counted by one number; those of a row are fewer than this.
  const row = Math.ceil(scale / radius) + 3;
  for (const item of items) {
    const [x, y] = [item.point.x * scale, item.point.y * scale];
    const cell = (Math.floor(y / radius) + 1) * row + Math.floor(x / radius) + 1;
    const near = nearest(cells, cell, row, x, y, radius);
    if (near !== null) {
      near.items.push(item);
      near.sumX += item.point.x;
      near.sumY += item.point.y;
      continue;
    }
    const made = { x, y, sumX: item.point.x, sumY: item.point.y, items: [item] };
    found.push(made);
    const others = cells.get(cell);
    if (others === undefined) cells.set(cell, [made]);
    else others.push(made);
  }
  return found.map(({ items: gathered, sumX, sumY }) => ({
    key: gathered[0]?.uid ?? "",
    point: { x: sumX / gathered.length, y: sumY / gathered.length },
    items: gathered,
  }));
}

interface Gathering<Item> {
  /** Where it was begun, in pixels. */
  readonly x: number;
  readonly y: number;
  sumX: number;
  sumY: number;
  readonly items: Item[];
}

function nearest<Item>(
  cells: ReadonlyMap<number, readonly Gathering<Item>[]>,
  cell: number,
  row: number,
  x: number,
  y: number,
  radius: number,
): Gathering<Item> | null {
  let [best, least]: [Gathering<Item> | null, number] = [null, radius * radius];
  for (let above = -row; above <= row; above += row) {
    for (let beside = -1; beside <= 1; beside++) {
      for (const candidate of cells.get(cell + above + beside) ?? []) {
        const distance = (candidate.x - x) ** 2 + (candidate.y - y) ** 2;
        if (distance < least) [best, least] = [candidate, distance];
      }
    }
  }
  return best;
}
