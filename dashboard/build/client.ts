// SPDX-License-Identifier: BSD-3-Clause
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Puts the client into the build as it is, under `client/`: other pages of the same origin use it. */
export function client(): Plugin {
  return {
    name: "client",
    apply: "build",
    async generateBundle() {
      const folder = join(import.meta.dirname, "..", "client");
      for (const name of await readdir(folder)) {
        if (!name.endsWith(".js")) continue;
        this.emitFile({ type: "asset", fileName: `client/${name}`, source: await readFile(join(folder, name)) });
      }
    },
  };
}
