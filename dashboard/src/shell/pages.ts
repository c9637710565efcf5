// SPDX-License-Identifier: BSD-3-Clause
import type { Component } from "svelte";
import type { Config } from "../config.ts";
import type { View } from "../live/view.svelte.ts";

/** What a page is given; the one of a device also which. */
export interface PageProps {
  readonly config: Config;
  readonly view: View;
  readonly uid?: string;
}

type Load = () => Promise<{ readonly default: Component<PageProps> }>;

const FOUND = import.meta.glob<{ readonly default: Component<PageProps> }>(["../device/DevicePage.svelte", "../map/MapPage.svelte"]);

/** The pages that are loaded when they are first shown. */
export const PAGES: Readonly<Record<"device" | "map", Load>> = {
  device: () => load("../device/DevicePage.svelte"),
  map: () => load("../map/MapPage.svelte"),
};

async function load(path: string): ReturnType<Load> {
  const found = FOUND[path];
  if (found === undefined) throw new Error(`this build has no ${path}`);
  return found();
}
