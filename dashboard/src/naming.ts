// SPDX-License-Identifier: BSD-3-Clause
import type { Node } from "./live/model.ts";

/** What a device is called: as in this browser, or as it says itself, or its uid. Pure. */
export function nameOf(node: Node, names: ReadonlyMap<string, string>): string {
  const said = node.resources.get("name")?.data;
  const own = typeof said === "string" || typeof said === "number" ? String(said).trim() : "";
  return names.get(node.uid) || own || node.uid;
}
