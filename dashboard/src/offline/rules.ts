// SPDX-License-Identifier: BSD-3-Clause

/** How long the server may take, where an older answer is at hand. */
export const PATIENCE_MS = 4_000;

/**
 * What the service worker does about a request, and under which path below its scope it keeps the answer:
 * `kept`: named by its content, so that the first answer is good for ever; `newest`: the server's, or else the last one.
 */
export interface Rule {
  readonly how: "kept" | "newest";
  readonly path: string;
}

const PAGES = new Map([
  ["", ""],
  ["index.html", ""],
  ["join", "join"],
  ["join.html", "join"],
]);
const NEWEST = /^(config\.json|manifest\.webmanifest|branding\/(logo|favicon)|icons\/[a-z0-9-]+\.png)$/;

/** The rule for a request; null: it is none of ours, as all that has to do with the broker and its values. Pure. */
export function ruleOf(method: string, address: string, scope: string): Rule | null {
  const url = address.replace(/[?#].*$/s, "");
  if (method !== "GET" || !url.startsWith(scope)) return null;
  const path = url.slice(scope.length);
  if (path.startsWith("assets/")) return { how: "kept", path };
  const page = PAGES.get(path);
  if (page !== undefined) return { how: "newest", path: page };
  return NEWEST.test(path) ? { how: "newest", path } : null;
}

/** What is kept of older builds, and of no use any more. Pure. */
export function outdated(paths: readonly string[], assets: readonly string[]): readonly string[] {
  const current = new Set(assets);
  return paths.filter((path) => path.startsWith("assets/") && !current.has(path));
}
