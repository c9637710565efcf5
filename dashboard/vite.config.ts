// SPDX-License-Identifier: BSD-3-Clause
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { client } from "./build/client.ts";
import { precompress } from "./build/precompress.ts";

export default defineConfig({
  // Relative addresses, so that the page works under any path of any host.
  base: "./",
  plugins: [svelte(), client(), precompress()],
  build: {
    outDir: "../pyaiot/dashboard/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: { input: ["index.html", "join.html"] },
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
  // For `npm run dev`: the settings come from a running aiot-dashboard.
  server: { host: "127.0.0.1", proxy: { "/config.json": "http://127.0.0.1:8080" } },
});
