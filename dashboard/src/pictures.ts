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

function matches(url: URL, source: string, page: URL): boolean {
  const scheme = /^https?:(?=\/\/)/.exec(source)?.[0] ?? page.protocol;
  const [host = "", port = ""] = source.replace(/^https?:\/\//, "").split(":");
  if (url.protocol !== scheme && !(scheme === "http:" && url.protocol === "https:")) return false;
  const named = host.toLowerCase();
  const fits = named.startsWith("*.") ? url.hostname.endsWith(named.slice(1)) : url.hostname === named;
  return fits && portOf(url) === (port === "" ? defaultPort(url.protocol) : port);
}

function portOf(url: URL): string {
  return url.port === "" ? defaultPort(url.protocol) : url.port;
}

function defaultPort(protocol: string): string {
  return protocol === "https:" ? "443" : "80";
}

function parsed(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
