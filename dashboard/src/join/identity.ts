// SPDX-License-Identifier: BSD-3-Clause

/** Who this browser was last: the name that somebody gave, and the id with the token that makes it ours again. */
export interface Identity {
  readonly name: string;
  readonly id: string;
  readonly token: string | null;
}

const KEY = "pyaiot.join";
/** An id has 64 characters (PROTOCOL.md, section 3.5); some are kept for what makes it another. */
const LONGEST_ID = 48;

/** The id that a name asks for: `Zoë's phone` is `zoe-s-phone`. */
export function idOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase();
  const id = plain.replace(/[^a-z0-9]+/g, "-").slice(0, LONGEST_ID).replace(/^-+|-+$/g, "");
  return id === "" ? "visitor" : id;
}

/** Another id for the same name, where that is somebody else's; `random` is from 0 up to 1. */
export function otherId(name: string, random: number): string {
  return `${idOf(name)}-${Math.floor(random * 36 ** 4).toString(36).padStart(4, "0")}`;
}

/** What was kept; null where there is nothing, or nothing that makes sense. Never throws. */
export function readIdentity(text: string | null): Identity | null {
  let found: unknown;
  try {
    found = JSON.parse(text ?? "null");
  } catch {
    return null;
  }
  if (typeof found !== "object" || found === null) return null;
  const { name, id, token } = found as Record<string, unknown>;
  if (typeof name !== "string" || typeof id !== "string" || !/^[A-Za-z0-9._:-]{1,64}$/.test(id)) return null;
  return { name, id, token: typeof token === "string" ? token : null };
}

export function storedIdentity(): Identity | null {
  try {
    return readIdentity(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function storeIdentity(identity: Identity): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(identity));
  } catch {
    // No storage in this browser's mode: the next visit begins anew.
  }
}
