// SPDX-License-Identifier: BSD-3-Clause
import type { Resource } from "../live/model.ts";

const DEFAULT_BROKER = "ws://localhost:8000/rpc";
// What a terminal would take for more than text, and marks that make a line look other than it is.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * The command lines for one device, as a shell reads them. Whatever the device calls itself is quoted; one whose name has
 * characters that no line should have gets none.
 */
export function commandLines(uid: string, resources: Iterable<Resource>, brokerUrl: string): string[] {
  if (UNPRINTABLE.test(uid)) return [];
  const broker = brokerOption(brokerUrl);
  const written = [...resources].find(({ name, about }) => about.writable === true && !UNPRINTABLE.test(name));
  const set = written === undefined ? [] : [`aiot set${broker} ${argument(uid)} ${argument(written.name)} ${argument(payloadOf(written))}`];
  return [`aiot get${broker} ${argument(uid)}`, ...set, `aiot watch${broker} --uid ${argument(uid)}`];
}

/** A text as one argument of a shell's command: quoted unless nothing in it could need that. */
export function argument(text: string): string {
  return /^[A-Za-z0-9_./:@%+,][A-Za-z0-9_./:@%+,=-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What the tools need to find the broker, unless it is where they look by themselves. */
function brokerOption(url: string): string {
  return url === DEFAULT_BROKER || url === DEFAULT_BROKER.replace("localhost", "127.0.0.1") ? "" : ` --broker ${argument(url)}`;
}

/** Something that could be written, to begin with: what it is now. */
function payloadOf({ data }: Resource): string {
  const text = typeof data === "string" ? data : (JSON.stringify(data) ?? "");
  return text === "" || text.length > 60 || UNPRINTABLE.test(text) ? "1" : text;
}
