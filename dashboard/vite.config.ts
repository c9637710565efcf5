// SPDX-License-Identifier: BSD-3-Clause
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { client } from "./build/client.ts";
import { icons } from "./build/icons.ts";
import { precompress } from "./build/precompress.ts";
import { worker } from "./build/worker.ts";

export default defineConfig({
  // Relative addresses, so that the page works under any path of any host.
  base: "./",
  plugins: [svelte(), client(), icons(), worker(), precompress()],
  build: {
    outDir: "../pyaiot/dashboard/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", join: "join.html", sw: "src/offline/worker.ts" },
      // A service worker's script keeps its name and its place: it rules what is below it.
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
  // For `npm run dev`: the settings come from a running aiot-dashboard.
  server: { host: "127.0.0.1", proxy: { "/config.json": "http://127.0.0.1:8080", "/manifest.webmanifest": "http://127.0.0.1:8080" } },
});
