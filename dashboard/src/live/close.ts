// SPDX-License-Identifier: BSD-3-Clause

/** RFC 6455 section 7.4.1 and the broker's own codes, as sentences. */
const MEANING: Readonly<Record<number, string>> = {
  1000: "The broker closed the connection.",
  1001: "The broker is shutting down.",
  1002: "The broker saw a protocol error.",
  1003: "The broker did not understand this page.",
  1005: "The connection was closed without a reason.",
  1006: "The connection broke.",
  1007: "The broker saw text that is not UTF-8.",
  1008: "The broker's rules do not allow this.",
  1009: "A message was too big for the broker.",
  1011: "The broker had an error of its own.",
  1012: "The broker is restarting.",
  1013: "The broker is overloaded.",
  1015: "The broker's TLS certificate was not accepted.",
  4401: "This broker wants an access token.",
  4403: "This access token does not allow that.",
};

/** Why a connection ended, in plain words; the broker's own words are added when it gave some. */
export function closeReason(code: number, reason: string, wasOpen: boolean): string {
  if (!wasOpen && code === 1006) return "The broker cannot be reached, or refuses this page.";
  const meaning = MEANING[code] ?? `The broker closed the connection with code ${String(code)}.`;
  return reason === "" ? meaning : `${meaning} It says: “${reason}”`;
}
