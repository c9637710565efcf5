// SPDX-License-Identifier: BSD-3-Clause

const BROKER_PORT = "8000";
const SCHEMES = new Map([
  ["http:", "ws:"],
  ["https:", "wss:"],
  ["ws:", "ws:"],
  ["wss:", "wss:"],
]);

/**
 * `ws://host:8000/rpc` for `host`, `host:8000`, `http://host:8000` …
 *
 * What has a path of its own, as behind a proxy (`https://example.org/iot`), gets `/rpc` behind it; what ends with it is
 * the whole address. Otherwise the port without TLS is 8000, unless another is given. Throws a TypeError for what is no address of a broker.
 * @param {string} address
 */
export function rpcUrl(address) {
  const given = address.trim();
  const whole = given.includes("://") ? given : `ws://${given}`;
  const url = URL.canParse(whole) ? new URL(whole) : null;
  const scheme = SCHEMES.get(url?.protocol ?? "");
  if (url === null || scheme === undefined || url.hostname === "" || url.username !== "" || /\s/.test(given)) {
    throw new TypeError(`"${address}" is no address of a broker, such as localhost:8000 or https://iot.example.org`);
  }
  const path = url.pathname.replace(/\/+$/, "");
  const isWhole = path.endsWith("/rpc");
  // A URL forgets a port that is its scheme's own.
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(whole)?.[1] ?? "";
  const port = /:(\d+)$/.exec(authority)?.[1] ?? (scheme === "ws:" && !isWhole ? BROKER_PORT : "");
  return `${scheme}//${url.hostname}${port === "" ? "" : `:${port}`}${path}${isWhole ? "" : "/rpc"}${url.search}`;
}
