// SPDX-License-Identifier: BSD-3-Clause
import { geoMercator, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import coarseUrl from "world-atlas/countries-110m.json?url";
import fineUrl from "world-atlas/countries-50m.json?url";

/** The outlines of countries that there are: the fine ones are for who looks closer. */
export type Detail = "coarse" | "fine";

/** The paths are of a world so wide, and as high. */
export const WORLD = 4096;

const SOURCES = { coarse: { url: coarseUrl, digits: 1 }, fine: { url: fineUrl, digits: 2 } } as const;
/** Making paths gives way to the page after so long. */
const SLICE_MS = 8;

const made = new Map<Detail, Promise<string>>();

/** The countries of the world as one path of SVG in Web Mercator. What could not be loaded is tried again the next time. */
export function outline(detail: Detail): Promise<string> {
  let path = made.get(detail);
  if (path === undefined) {
    path = load(detail);
    made.set(detail, path);
    path.catch(() => made.delete(detail));
  }
  return path;
}

async function load(detail: Detail): Promise<string> {
  const { url, digits } = SOURCES[detail];
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the outline of the world: ${String(answer.status)}`);
  const topology = (await answer.json()) as Topology<{ countries: GeometryCollection }>;
  const projection = geoMercator()
    .scale(WORLD / (2 * Math.PI))
    .translate([WORLD / 2, WORLD / 2]);
  const pathOf = geoPath(projection).digits(digits);
  const paths: string[] = [];
  let began = performance.now();
  for (const geometry of topology.objects.countries.geometries) {
    paths.push(pathOf(feature(topology, geometry)) ?? "");
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    began = performance.now();
  }
  return paths.join("");
}
