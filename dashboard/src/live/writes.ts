// SPDX-License-Identifier: BSD-3-Clause
import type { News } from "./news.ts";

/** A write somebody asked for, as the page shows it beside the resource. Replaced, never changed. */
export interface Write {
  readonly uid: string;
  readonly resource: string;
  readonly data: unknown;
  /** `unknown`: it timed out, or the connection was lost; it may have happened. */
  readonly state: "pending" | "confirmed" | "failed" | "unknown";
  /** A sentence that says why it failed, or why its outcome is unknown. */
  readonly failure: string | null;
  readonly startedMs: number;
  /** What the device said before; undefined where that is not known. */
  readonly before: unknown;
}

/** So long a confirmed write is shown, and can be undone. */
export const SHOWN_MS = 8_000;
/** Of a write whose outcome is open: what its device says later than this is not its answer. */
export const OPEN_MS = 60_000;
/** Writes kept; of more, the oldest that are not under way go. */
export const MAX_WRITES = 256;
/** After these errors nobody knows whether it was done. */
const OPEN_ENDED: ReadonlySet<string | null> = new Set(["timeout", "left"]);

/** Says in a sentence why a write failed: by the error's name, where it has one, and the words that came with it. */
export type Explain = (kind: string | null, reason: string) => string;

/** Key of a write: a resource has one at a time. */
export function writeKey(uid: string, resource: string): string {
  return `${uid} ${resource}`;
}

/** The writes that are under way, were confirmed just now, or have failed. Pure. */
export class Writes {
  readonly byKey = new Map<string, Write>();
  /** Each as it was at its start: by that whoever started it is known. */
  readonly #started = new Map<string, Write>();
  readonly #confirmedMs = new Map<string, number>();
  readonly #explain: Explain;

  constructor(explain: Explain) {
    this.#explain = explain;
  }

  /** Notes a new write, which replaces an older one of the same resource. */
  start(uid: string, resource: string, data: unknown, before: unknown, nowMs: number): Write {
    const write: Write = { uid, resource, data, state: "pending", failure: null, startedMs: nowMs, before };
    this.#drop(writeKey(uid, resource));
    this.byKey.set(writeKey(uid, resource), write);
    this.#started.set(writeKey(uid, resource), write);
    this.#bound();
    return write;
  }

  /** The device confirmed it; true when that changed anything. */
  confirmed(write: Write, nowMs: number): boolean {
    const now = this.#now(write);
    if (now === undefined || now.state === "confirmed") return false;
    this.#confirm(now, nowMs);
    return true;
  }

  /** It failed; `kind` is the error's name, if it has one. True when that changed anything. */
  failed(write: Write, kind: string | null, reason: string): boolean {
    if (this.#now(write)?.state !== "pending") return false;
    this.#end(write, OPEN_ENDED.has(kind) ? "unknown" : "failed", this.#explain(kind, reason));
    return true;
  }

  /** Fails one write that could not even be sent. */
  notSent(write: Write): void {
    this.#end(write, "failed", this.#explain("not-sent", ""));
  }

  /** The connection ended: nobody will tell the outcome of what is under way. True when a write changed. */
  lost(): boolean {
    const pending = [...this.byKey.values()].filter(({ state }) => state === "pending");
    for (const write of pending) this.#end(write, "unknown", this.#explain("lost", ""));
    return pending.length > 0;
  }

  /** Applies news; true when a write changed. */
  apply(news: News, nowMs: number): boolean {
    if (news.type === "dismissed") return this.#forgetAll(news.uid);
    if (news.type !== "value") return false;
    const write = this.byKey.get(writeKey(news.uid, news.resource));
    if (write === undefined || (write.state !== "pending" && write.state !== "unknown")) return false;
    if (write.state === "unknown" && nowMs - write.startedMs > OPEN_MS) return false;
    // The device says what was asked for: that is confirmation enough, whatever happened to the answer. Not so where it
    // said the same before: it may just say it again.
    if (!isSame(news.data, write.data) && !isSame(news.value, write.data)) return false;
    if (isSame(write.before, write.data)) return false;
    this.#confirm(write, nowMs);
    return true;
  }

  /** Drops what was confirmed long enough ago; true when there was any. */
  expire(nowMs: number): boolean {
    let changed = false;
    for (const [key, confirmedMs] of this.#confirmedMs) {
      // A clock that was set back must not keep it for hours.
      if (Math.abs(nowMs - confirmedMs) < SHOWN_MS) continue;
      this.#drop(key);
      changed = true;
    }
    return changed;
  }

  /** Somebody has read how it ended; true when it had. */
  forget(uid: string, resource: string): boolean {
    const key = writeKey(uid, resource);
    const write = this.byKey.get(key);
    if (write === undefined || write.state === "pending") return false;
    this.#drop(key);
    return true;
  }

  /** A write as it is now; undefined when another one of the same resource has come since. */
  #now(write: Write): Write | undefined {
    const key = writeKey(write.uid, write.resource);
    return this.#started.get(key) === write ? this.byKey.get(key) : undefined;
  }

  #confirm(write: Write, nowMs: number): void {
    this.#end(write, "confirmed", null);
    this.#confirmedMs.set(writeKey(write.uid, write.resource), nowMs);
  }

  #end(write: Write, state: Write["state"], failure: string | null): void {
    this.byKey.set(writeKey(write.uid, write.resource), { ...write, state, failure });
  }

  #drop(key: string): void {
    this.byKey.delete(key);
    this.#started.delete(key);
    this.#confirmedMs.delete(key);
  }

  #forgetAll(uid: string): boolean {
    const keys = [...this.byKey].filter(([, write]) => write.uid === uid).map(([key]) => key);
    for (const key of keys) this.#drop(key);
    return keys.length > 0;
  }

  #bound(): void {
    if (this.byKey.size <= MAX_WRITES) return;
    for (const [key, { state }] of this.byKey) {
      if (state === "pending") continue;
      this.#drop(key);
      return;
    }
  }
}

/** Whether the old data is known, and is not what was written. */
export function canUndo({ state, before, data }: Write): boolean {
  return state === "confirmed" && before !== undefined && !isSame(before, data);
}

/** Whether two values are the same to a device: `1` and `"1"` are. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one === null || other === null) return false;
  if (typeof one === "object" || typeof other === "object") return JSON.stringify(one) === JSON.stringify(other);
  return String(one) === String(other);
}
