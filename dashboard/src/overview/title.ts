// SPDX-License-Identifier: BSD-3-Clause
import type { Node } from "../live/model.ts";
import { nameOf } from "../naming.ts";
import { prefs } from "../prefs.svelte.ts";
import { t } from "./strings.ts";

/** What a device is called on the page: the name given here, or its own, or what there is to say instead. */
export function titleOf(node: Node): string {
  return nameOf(node, prefs.names, t(isDiscovered(node) ? "unnamed" : "discovering"));
}

/** Whether it has said anything: what the gateway says of it is no answer of the device. */
export function isDiscovered({ resources }: Node): boolean {
  for (const name of resources.keys()) if (name !== "protocol") return true;
  return false;
}
