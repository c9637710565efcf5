// SPDX-License-Identifier: BSD-3-Clause

/**
 * Whether the page's policy lets it show the picture at this address. Pure.
 *
 * `sources` are as the server says them (`config.webcamHosts`): `host`, `host:port`, either with a scheme, `*.domain`.
 * `own` is the page's address: what comes from its own origin is always shown, and a scheme that is not said is its own,
 * or the safer one (CSP level 3, section 6.7.2.8).
 */
export function mayShow(address: string, sources: readonly string[], own: string): boolean {
  const url = parsed(address);
  const page = parsed(own);
  if (url === null || page === null || !/^https?:$/.test(url.protocol)) return false;
  return url.origin === page.origin || sources.some((source) => matches(url, source, page));
}

/** Whether a source of the page's policy means this address (CSP level 3, section 6.7.2.8), as the browser will judge. */
export function matches(url: URL, source: string, page: URL): boolean {
  const parts = /^(?:(https?:)\/\/)?(\*\.)?([a-z0-9._-]+)(?::(\d{1,5}))?$/.exec(source.toLowerCase());
  if (parts === null) return false;
  const [, scheme = page.protocol, wildcard, host = "", port = ""] = parts;
  if (scheme === "https:" && url.protocol !== "https:") return false;
  if (wildcard === undefined ? url.hostname !== host : !url.hostname.endsWith(`.${host}`)) return false;
  // Without a port it is the scheme's own; an URL says that as nothing.
  if (url.port === "") return port === "" || port === (url.protocol === "https:" ? "443" : "80");
  return port === url.port;
}

function parsed(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
