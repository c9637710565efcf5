// SPDX-License-Identifier: BSD-3-Clause
import { seen, type Size, type Viewport } from "./viewport.ts";

/** One square picture of a tile server, and where it belongs on the screen. */
export interface Tile {
  readonly url: string;
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

const TILE = 256;
const MAX_ZOOM = 19;
/** More is never asked for at once, however large the screen. */
const MAX_TILES = 200;

/** The tiles that a part of the world is made of, of a server with such a template of addresses. Pure. */
export function tilesOf(template: string, viewport: Viewport, size: Size): Tile[] {
  const zoom = Math.min(Math.max(Math.round(Math.log2(viewport.scale / TILE)), 0), MAX_ZOOM);
  const count = 2 ** zoom;
  const side = viewport.scale / count;
  const { west, north, east, south } = seen(viewport, size);
  const tiles: Tile[] = [];
  for (let row = Math.max(Math.floor(north * count), 0); row < Math.min(Math.ceil(south * count), count); row++) {
    for (let column = Math.max(Math.floor(west * count), 0); column < Math.min(Math.ceil(east * count), count); column++) {
      if (tiles.length === MAX_TILES) return tiles;
      tiles.push({
        url: template.replaceAll("{z}", String(zoom)).replaceAll("{x}", String(column)).replaceAll("{y}", String(row)),
        x: (column / count - viewport.centre.x) * viewport.scale + size.width / 2,
        y: (row / count - viewport.centre.y) * viewport.scale + size.height / 2,
        size: side,
      });
    }
  }
  return tiles;
}
