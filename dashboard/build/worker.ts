// SPDX-License-Identifier: BSD-3-Clause
import type { Plugin } from "vite";

/** Tells the service worker what this build is made of. */
export function worker(): Plugin {
  return {
    name: "worker",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const script = bundle["sw.js"];
        const page = bundle["index.html"];
        if (script?.type !== "chunk" || page?.type !== "asset") throw new Error("there is no sw.js or no index.html");
        if (script.imports.length > 0 || script.exports.length > 0) throw new Error("sw.js has to be one classic script");
        const html = typeof page.source === "string" ? page.source : Buffer.from(page.source).toString();
        const needed = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
        const shell = ["", "config.json", ...needed];
        const assets = Object.keys(bundle).filter((path) => path.startsWith("assets/"));
        script.code = put(put(script.code, "__SHELL__", shell), "__ASSETS__", assets.sort());
      },
    },
  };
}

function put(code: string, place: string, list: readonly string[]): string {
  const parts = code.split(new RegExp(`["'\`]${place}["'\`]`));
  if (parts.length !== 2) throw new Error(`sw.js has no ${place}`);
  return parts.join(JSON.stringify(JSON.stringify(list)));
}
