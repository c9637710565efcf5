// SPDX-License-Identifier: BSD-3-Clause

/** A place on the earth, in degrees. */
export interface Position {
  readonly lat: number;
  readonly lng: number;
}

/** A point of the world as Web Mercator (EPSG:3857) has it: both 0 to 1, from the north-west. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where the square world ends; what is nearer to a pole is shown at its edge. */
export const MAX_LAT = 85.051128779806589;
const EARTH_M = 40_075_016.686;

export function project({ lat, lng }: Position): Point {
  const sine = Math.sin((Math.min(Math.max(lat, -MAX_LAT), MAX_LAT) * Math.PI) / 180);
  return { x: lng / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

export function unproject({ x, y }: Point): Position {
  return { lat: (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI, lng: (x - 0.5) * 360 };
}

/** How many metres a pixel is at a point, of a world that is `scale` pixels wide. */
export function metresPerPixel({ y }: Point, scale: number): number {
  return (EARTH_M / scale) * Math.cos((unproject({ x: 0, y }).lat * Math.PI) / 180);
}
