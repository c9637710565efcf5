// SPDX-License-Identifier: BSD-3-Clause
import { panned, zoomed, type Size, type Viewport } from "./viewport.ts";

export const ZOOM_STEP = 2;
/** So many pixels at a time, by an arrow key. */
const PAN_STEP = 90;

/** Where a key takes who looks at the map: to another part of the world, or to all there is; null: nowhere. */
export function steered(key: string, viewport: Viewport, size: Size): Viewport | "all" | null {
  const middle = { x: size.width / 2, y: size.height / 2 };
  switch (key) {
    case "ArrowLeft":
      return panned(viewport, size, PAN_STEP, 0);
    case "ArrowRight":
      return panned(viewport, size, -PAN_STEP, 0);
    case "ArrowUp":
      return panned(viewport, size, 0, PAN_STEP);
    case "ArrowDown":
      return panned(viewport, size, 0, -PAN_STEP);
    case "+":
    case "=":
      return zoomed(viewport, size, ZOOM_STEP, middle);
    case "-":
      return zoomed(viewport, size, 1 / ZOOM_STEP, middle);
    case "0":
    case "Home":
      return "all";
    default:
      return null;
  }
}
