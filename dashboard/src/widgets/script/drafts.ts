// SPDX-License-Identifier: BSD-3-Clause

/** Scripts that were edited and not sent, of so many devices; the oldest go first. */
export const MAX_DRAFTS = 32;

const drafts = new Map<string, string>();

function keyOf(uid: string, resource: string): string {
  return `${uid} ${resource}`;
}

/** What somebody was writing for a device, while its editor was off the screen. */
export function draftOf(uid: string, resource: string): string | undefined {
  return drafts.get(keyOf(uid, resource));
}

/** Keeps a draft; undefined: there is none any more. */
export function keepDraft(uid: string, resource: string, text: string | undefined): void {
  const key = keyOf(uid, resource);
  drafts.delete(key);
  if (text === undefined) return;
  drafts.set(key, text);
  for (const oldest of drafts.keys()) {
    if (drafts.size <= MAX_DRAFTS) break;
    drafts.delete(oldest);
  }
}
