/**
 * `ws://host:8000/rpc` for `host`, `host:8000`, `http://host:8000` …
 *
 * What has a path of its own, as behind a proxy (`https://example.org/iot`), gets `/rpc` behind it; what ends with it is
 * the whole address. Otherwise the port without TLS is 8000, unless another is given. Throws a TypeError for what is no address of a broker.
 * @param {string} address
 */
export function rpcUrl(address: string): string;
