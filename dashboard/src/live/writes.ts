// SPDX-License-Identifier: BSD-3-Clause
import type { Change } from "../../client/view.js";

/** A write somebody asked for, as the page shows it beside the resource. Replaced, never changed. */
export interface Write {
  readonly uid: string;
  readonly resource: string;
  readonly payload: string;
  /** Null while waiting, else why it failed. */
  readonly failure: string | null;
}

const FAILURES = new Map([
  ["busy", "Too many writes at once"],
  ["expired", "Not tried in time"],
  ["failed", "Its gateway failed"],
  ["forbidden", "Not allowed"],
  ["left", "It left before it answered"],
  ["offline", "Not reached"],
  ["refused", "Refused"],
  ["timeout", "Timed out"],
  ["unknown", "Unknown"],
  ["unsupported", "Not possible"],
]);

/** Key of a write: a resource has one at a time. */
export function writeKey(uid: string, resource: string): string {
  return `${uid} ${resource}`;
}

/**
 * The writes that wait for their outcome or have failed. Pure.
 *
 * A success leaves no trace here: what the device confirmed arrives as a value.
 */
export class Writes {
  readonly byKey = new Map<string, Write>();

  /** Notes a new write, which replaces an older one of the same resource. */
  start(uid: string, resource: string, payload: string): Write {
    const write = { uid, resource, payload, failure: null };
    this.byKey.set(writeKey(uid, resource), write);
    return write;
  }

  /** The device confirmed it; true when that changed anything. */
  confirmed(write: Write): boolean {
    return this.#isWaiting(write) && this.byKey.delete(writeKey(write.uid, write.resource));
  }

  /** It failed; `kind` is the error's name, if it has one. True when that changed anything. */
  failed(write: Write, kind: string | null, reason: string): boolean {
    if (!this.#isWaiting(write)) return false;
    this.#fail(write, explain(kind, reason));
    return true;
  }

  /** Applies a value, or a node's end; true when a write changed. */
  apply(change: Change): boolean {
    if (change.type === "value") {
      const key = writeKey(change.uid, change.resource);
      const write = this.byKey.get(key);
      // The device says what was asked for: that is confirmation enough, whatever happened to the answer.
      return write?.failure === null && String(change.data) === write.payload && this.byKey.delete(key);
    }
    if (change.type === "gone") {
      let changed = false;
      for (const [key, write] of this.byKey) if (write.uid === change.uid) changed = this.byKey.delete(key) || changed;
      return changed;
    }
    return false;
  }

  /** The connection ended: nobody will tell the outcome of what waits. True when a write changed. */
  lost(): boolean {
    const waiting = [...this.byKey.values()].filter(({ failure }) => failure === null);
    for (const write of waiting) this.#fail(write, "The connection was lost; it may or may not have happened.");
    return waiting.length > 0;
  }

  /** Fails one write that could not even be sent. */
  notSent(write: Write): void {
    this.#fail(write, "Not sent: there is no connection to the broker.");
  }

  #isWaiting(write: Write): boolean {
    return this.byKey.get(writeKey(write.uid, write.resource)) === write;
  }

  #fail(write: Write, failure: string): void {
    this.byKey.set(writeKey(write.uid, write.resource), { ...write, failure });
  }
}

function explain(kind: string | null, reason: string): string {
  const meaning = FAILURES.get(kind ?? "") ?? (kind === null ? "It failed" : `It failed (${kind})`);
  return reason === "" ? `${meaning}.` : `${meaning}: ${reason}`;
}
