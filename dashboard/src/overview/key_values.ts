// SPDX-License-Identifier: BSD-3-Clause
import type { Node } from "../live/model.ts";
import { choose } from "../widgets/choose.ts";
import { shownResources, unitOf } from "../widgets/kinds.ts";
import { titleOf } from "../widgets/labels.ts";
import { spoken } from "../widgets/spoken.ts";

/** What of a device fits into a line: its first numbers and states. */
const MAX_VALUES = 4;
const SHORT = new Set(["number", "switch", "choice"]);

export interface KeyValue {
  readonly name: string;
  readonly label: string;
  readonly text: string;
}

/** The first values of a device that are short, as people write them. */
export function keyValuesOf(node: Node, hidden: ReadonlySet<string>): readonly KeyValue[] {
  const values: KeyValue[] = [];
  for (const resource of shownResources(node)) {
    if (values.length === MAX_VALUES) break;
    const kind = choose(resource, node);
    if (hidden.has(resource.name) || !SHORT.has(kind)) continue;
    const text = spoken(kind === "number" ? (resource.number ?? resource.data) : resource.data, kind, unitOf(resource));
    values.push({ name: resource.name, label: titleOf(resource), text });
  }
  return values;
}
