// SPDX-License-Identifier: BSD-3-Clause
import type { Point } from "./mercator.ts";

/** The size of what the map is seen through, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What of the world is seen: the point in the middle, and how many pixels wide the whole world would be. */
export interface Viewport {
  readonly centre: Point;
  readonly scale: number;
}

/** A part of the world, in its points. */
export interface Bounds {
  readonly west: number;
  readonly north: number;
  readonly east: number;
  readonly south: number;
}

const TILE = 256;
/** As far as tile servers commonly go. */
const MAX_ZOOM = 18;
export const MAX_SCALE = TILE * 2 ** MAX_ZOOM;
/** So many pixels beyond the world can be seen. */
const EDGE = 50;
/** What fits a single place shows its surroundings, not its doorstep. */
const NEAR_SCALE = TILE * 2 ** 9;

/** The whole world, as large as it fits. */
export function world(size: Size): Viewport {
  return clamped({ centre: { x: 0.5, y: 0.42 }, scale: leastScale(size) }, size);
}

/** Where a point of the world is on the screen. */
export function toScreen(viewport: Viewport, size: Size, { x, y }: Point): Point {
  return {
    x: (x - viewport.centre.x) * viewport.scale + size.width / 2,
    y: (y - viewport.centre.y) * viewport.scale + size.height / 2,
  };
}

/** Which point of the world is at a point of the screen. */
export function toWorld(viewport: Viewport, size: Size, { x, y }: Point): Point {
  return {
    x: (x - size.width / 2) / viewport.scale + viewport.centre.x,
    y: (y - size.height / 2) / viewport.scale + viewport.centre.y,
  };
}

/** Larger by `factor`; what is at the screen's point `at` stays there. */
export function zoomed(viewport: Viewport, size: Size, factor: number, at: Point): Viewport {
  if (!(factor > 0)) return viewport;
  const fixed = toWorld(viewport, size, at);
  const scale = Math.min(Math.max(viewport.scale * factor, leastScale(size)), MAX_SCALE);
  const centre = { x: fixed.x - (at.x - size.width / 2) / scale, y: fixed.y - (at.y - size.height / 2) / scale };
  return clamped({ centre, scale }, size);
}

/** Moved by so many pixels, as by a hand that takes the map along. */
export function panned(viewport: Viewport, size: Size, byX: number, byY: number): Viewport {
  const { centre, scale } = viewport;
  return clamped({ centre: { x: centre.x - byX / scale, y: centre.y - byY / scale }, scale }, size);
}

/** Shows all of these points with `margin` pixels around; the world where there are none. */
export function fitted(points: readonly Point[], size: Size, margin: number, most = NEAR_SCALE): Viewport {
  const bounds = boundsOf(points);
  if (bounds === null) return world(size);
  const [wide, high] = [Math.max(size.width - 2 * margin, 1), Math.max(size.height - 2 * margin, 1)];
  const scale = Math.min(wide / (bounds.east - bounds.west), high / (bounds.south - bounds.north), most);
  const centre = { x: (bounds.west + bounds.east) / 2, y: (bounds.north + bounds.south) / 2 };
  return clamped({ centre, scale: Math.max(scale, leastScale(size)) }, size);
}

/** The least part of the world with all of these points; null without any. */
export function boundsOf(points: readonly Point[]): Bounds | null {
  if (points.length === 0) return null;
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    [west, east] = [Math.min(west, x), Math.max(east, x)];
    [north, south] = [Math.min(north, y), Math.max(south, y)];
  }
  return { west, north, east, south };
}

/** The part of the world that is seen, with `margin` pixels around. */
export function seen(viewport: Viewport, size: Size, margin = 0): Bounds {
  const [halfX, halfY] = [(size.width / 2 + margin) / viewport.scale, (size.height / 2 + margin) / viewport.scale];
  const { x, y } = viewport.centre;
  return { west: x - halfX, east: x + halfX, north: y - halfY, south: y + halfY };
}

/** The world fills at least the width, or the height where that is less. */
function leastScale(size: Size): number {
  return Math.max(Math.min(size.width, size.height), 1);
}

/** Keeps the world in sight: its edges come no further in than they must, and for what lies at them to be seen. */
function clamped({ centre, scale }: Viewport, size: Size): Viewport {
  const half = (pixels: number): number => Math.max(pixels / 2 - EDGE, 0) / scale;
  return { centre: { x: kept(centre.x, half(size.width)), y: kept(centre.y, half(size.height)) }, scale };
}

function kept(middle: number, half: number): number {
  return half >= 0.5 ? 0.5 : Math.min(Math.max(middle, half), 1 - half);
}
