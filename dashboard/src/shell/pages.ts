// SPDX-License-Identifier: BSD-3-Clause
import type { Config } from "../config.ts";
import type { View } from "../live/view.svelte.ts";

/** What a page is given; the one of a device also which. */
export interface PageProps extends Record<string, unknown> {
  readonly config: Config;
  readonly view: View;
  readonly uid?: string;
}

/** The parts that are loaded when they are first shown. */
export const PARTS = {
  add: () => import("../first/AddDevice.svelte"),
  device: () => import("../device/DevicePage.svelte"),
  first: () => import("../first/EmptyState.svelte"),
  keys: () => import("./Keys.svelte"),
  map: () => import("../map/MapPage.svelte"),
  settings: () => import("./Settings.svelte"),
} as const;
