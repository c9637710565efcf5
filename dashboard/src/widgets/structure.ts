// SPDX-License-Identifier: BSD-3-Clause
import { unwrapped } from "../format.ts";
import type { Resource } from "../live/model.ts";

const parsed = new WeakMap<Resource, unknown>();

/**
 * The value of a resource, of JSON that came as text what it says. Kept as long as the resource is: who chooses the
 * widget and who shows the value read it once.
 */
export function structureOf(resource: Resource): unknown {
  if (typeof resource.number === "number") return resource.number;
  const said = resource.value ?? resource.data;
  if (typeof said !== "string") return said;
  if (parsed.has(resource)) return parsed.get(resource);
  const value = unwrapped(said);
  if (typeof value === "object") parsed.set(resource, value);
  return value;
}
