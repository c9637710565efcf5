// SPDX-License-Identifier: BSD-3-Clause
import { MAX_LAT, metresPerPixel, project, unproject } from "./mercator.ts";
import { seen, type Size, toScreen, type Viewport } from "./viewport.ts";

/** One line of the net of degrees: where it is on the screen, and which it is. */
export interface GraticuleLine {
  readonly degrees: number;
  readonly at: number;
}

export interface Graticule {
  readonly stepDegrees: number;
  readonly meridians: readonly GraticuleLine[];
  readonly parallels: readonly GraticuleLine[];
}

const STEPS = [90, 60, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002];
const LEAST_GAP = 64;
/** A net that is too fine for its screen is none. */
const MAX_LINES = 60;

/** The lines that are seen, as fine as they stay readable. In Mercator all are straight. Pure. */
export function graticuleOf(viewport: Viewport, size: Size): Graticule {
  const stepDegrees = STEPS.findLast((step) => (step / 360) * viewport.scale >= LEAST_GAP) ?? 90;
  const { west, north, east, south } = seen(viewport, size);
  const [top, left] = [unproject({ x: 0, y: Math.max(north, 0) }).lat, (Math.max(west, 0) - 0.5) * 360];
  const [bottom, right] = [unproject({ x: 0, y: Math.min(south, 1) }).lat, (Math.min(east, 1) - 0.5) * 360];
  return {
    stepDegrees,
    meridians: multiples(left, right, stepDegrees).map((lng) => ({ degrees: lng, at: toScreen(viewport, size, project({ lat: 0, lng })).x })),
    parallels: multiples(bottom, top, stepDegrees)
      .filter((lat) => Math.abs(lat) <= MAX_LAT)
      .map((lat) => ({ degrees: lat, at: toScreen(viewport, size, project({ lat, lng: 0 })).y })),
  };
}

/** A round length in metres, and how many pixels it is in the middle of the screen: at most `longest`. */
export function scaleBar(viewport: Viewport, longest: number): { readonly metres: number; readonly pixels: number } {
  const metre = metresPerPixel(viewport.centre, viewport.scale);
  const power = 10 ** Math.floor(Math.log10(longest * metre));
  const metres = ([5, 2, 1].find((digit) => digit * power <= longest * metre) ?? 1) * power;
  return { metres, pixels: metres / metre };
}

/** Degrees with as many digits as the step has, and the hemisphere: `48.5° N`. */
export function degreesText(degrees: number, stepDegrees: number, [positive, negative]: readonly [string, string]): string {
  const digits = Math.max(0, Math.ceil(-Math.log10(stepDegrees) - 1e-9));
  const size = Math.abs(degrees).toFixed(digits);
  return Number(size) === 0 ? `${size}°` : `${size}° ${degrees > 0 ? positive : negative}`;
}

function multiples(from: number, to: number, step: number): number[] {
  const found: number[] = [];
  for (let count = Math.ceil(from / step - 1e-9); count * step <= to + 1e-9 && found.length < MAX_LINES; count++) found.push(count * step + 0);
  return found;
}
