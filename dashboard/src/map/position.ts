// SPDX-License-Identifier: BSD-3-Clause
import { unwrapped } from "../format.ts";
import type { Node, Resource } from "../live/model.ts";
import { numberOf } from "../live/resource.ts";
import type { Position } from "./mercator.ts";

const LATITUDES = ["lat", "latitude"];
const LONGITUDES = ["lng", "lon", "long", "longitude"];
/** A longer text is no position: nothing is parsed for nothing. */
const LONGEST_TEXT = 1_000;

/**
 * The place that a value says: `{"lat", "lng" | "lon" | "long"}`, also as JSON text, its numbers also as text. Null for
 * anything else, and for places that are not on the earth.
 */
export function positionOf(value: unknown): Position | null {
  if (typeof value === "string" && value.length > LONGEST_TEXT) return null;
  const said = unwrapped(value);
  if (typeof said !== "object" || said === null || Array.isArray(said)) return null;
  const [lat, lng] = [degrees(said, LATITUDES, 90), degrees(said, LONGITUDES, 180)];
  return lat === null || lng === null ? null : { lat, lng };
}

// A resource is replaced, never changed, so what was read of it once holds.
const read = new WeakMap<Resource, { readonly position: Position | null }>();

function resourcePosition(resource: Resource): Position | null {
  let known = read.get(resource);
  if (known === undefined) {
    known = { position: positionOf(resource.value) ?? positionOf(resource.data) };
    read.set(resource, known);
  }
  return known.position;
}

/**
 * Where a node is: what its `position` says, or the first other resource that says one, or two numbers in the units
 * `lat` and `lon` (RFC 8428). Null where it does not say.
 */
export function nodePosition({ resources }: Node): Position | null {
  const named = resources.get("position");
  const own = named === undefined ? null : resourcePosition(named);
  if (own !== null) return own;
  let [lat, lng]: [number | null, number | null] = [null, null];
  for (const resource of resources.values()) {
    if (resource.number === null) {
      const position = resourcePosition(resource);
      if (position !== null) return position;
    } else if (resource.unit === "lat") lat ??= inRange(resource.number, 90);
    else if (resource.unit === "lon") lng ??= inRange(resource.number, 180);
  }
  return lat === null || lng === null ? null : { lat, lng };
}

function degrees(said: object, names: readonly string[], limit: number): number | null {
  for (const [name, value] of Object.entries(said)) {
    if (!names.includes(name.toLowerCase())) continue;
    const number = numberOf(value);
    if (number !== null) return inRange(number, limit);
  }
  return null;
}

function inRange(value: number, limit: number): number | null {
  return Math.abs(value) <= limit ? value : null;
}
