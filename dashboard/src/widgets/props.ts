// SPDX-License-Identifier: BSD-3-Clause
import type { Node, Resource } from "../live/model.ts";
import type { View } from "../live/view.svelte.ts";

/**
 * What every widget is given. A widget shows what is inside the frame of Widget.svelte, which has the label, the age,
 * the mark of what is old, and what became of the last write. A widget that writes shows the device's word only,
 * and calls `view.write(node.uid, resource.name, data)`.
 */
export interface WidgetProps {
  readonly node: Node;
  readonly resource: Resource;
  readonly view: View;
  /** What people call it; also the accessible name of what is in it. */
  readonly label: string;
  /** `page`: on the page of one device, where there is room. */
  readonly size: "card" | "page";
  /** Whether it is on the screen, or near it: what is not draws nothing. */
  readonly visible: boolean;
}
