// SPDX-License-Identifier: BSD-3-Clause
import { createContext } from "svelte";
import type { Config } from "./config.ts";

/** `configured()`: what the page's server told it, for every component below App, which says it by `configure`. */
export const [configured, configure] = createContext<Config>();
