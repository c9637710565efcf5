// SPDX-License-Identifier: BSD-3-Clause
import { matches } from "../../pictures.ts";

/** A longer address is none. */
const MAX_ADDRESS = 2_048;

/** What can be done with what a device says is its picture's address. */
export type Picture =
  | { readonly kind: "shown"; readonly url: string; readonly host: string }
  /** The page may not load from there, until its server is told to allow it. */
  | { readonly kind: "refused"; readonly url: string; readonly host: string }
  /** The page came over https: browsers load nothing into it that comes over http. */
  | { readonly kind: "mixed"; readonly url: string; readonly host: string }
  | { readonly kind: "none" };

/** Judges an address, by the hosts that the server's `--webcam-hosts` allows. Pure. */
export function pictureOf(said: unknown, allowed: readonly string[], pageUrl: string): Picture {
  if (typeof said !== "string" || said.length > MAX_ADDRESS) return { kind: "none" };
  const text = said.trim();
  // Only a whole address: a relative one would mean this page's server.
  if (!/^https?:\/\//i.test(text)) return { kind: "none" };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { kind: "none" };
  }
  const page = new URL(pageUrl);
  const found = { url: url.href, host: url.host };
  if (url.origin === page.origin) return { kind: "shown", ...found };
  if (page.protocol === "https:" && url.protocol === "http:") return { kind: "mixed", ...found };
  return { kind: allowed.some((source) => matches(url, source, page)) ? "shown" : "refused", ...found };
}
