// SPDX-License-Identifier: BSD-3-Clause
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The plugin is for `*.svelte.ts`: what is reactive and has no markup is tested too.
export default defineConfig({ plugins: [svelte()], test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 120_000 } });
