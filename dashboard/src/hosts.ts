// SPDX-License-Identifier: BSD-3-Clause

/** A host without the brackets that an IPv6 address has in a URL. */
export function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** A host as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether a bare host is the very machine of whoever asks. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}
