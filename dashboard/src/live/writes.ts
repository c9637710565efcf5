// SPDX-License-Identifier: BSD-3-Clause
import type { Message } from "./messages.ts";

/** A write somebody asked for, as the page shows it beside the resource. Replaced, never changed. */
export interface Write {
  readonly id: string;
  readonly uid: string;
  readonly resource: string;
  readonly payload: string;
  readonly deadlineMs: number;
  /** Null while waiting, else why it failed. */
  readonly failure: string | null;
}

export const WRITE_TIMEOUT_MS = 15_000;

const FAILURES: Readonly<Record<string, string>> = {
  busy: "Too many writes at once",
  forbidden: "Not allowed",
  offline: "Not reached",
  refused: "Refused",
  timeout: "Timed out",
  unknown: "Unknown",
  unsupported: "Not possible",
};

/** Key of a write: a resource has one at a time. */
export function writeKey(uid: string, resource: string): string {
  return `${uid} ${resource}`;
}

/**
 * The writes that wait for their outcome or have failed. Pure: the time comes in.
 *
 * A success leaves no trace here: what the device confirmed arrives as an `update`.
 */
export class Writes {
  readonly byKey = new Map<string, Write>();
  readonly #idPrefix: string;
  #count = 0;

  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  /** Notes a new write, which replaces an older one of the same resource. */
  start(uid: string, resource: string, payload: string, nowMs: number): Write {
    this.#count += 1;
    const id = `${this.#idPrefix}-${String(this.#count)}`;
    const write = { id, uid, resource, payload, deadlineMs: nowMs + WRITE_TIMEOUT_MS, failure: null };
    this.byKey.set(writeKey(uid, resource), write);
    return write;
  }

  /** Applies an outcome, or a node's end; true when a write changed. */
  apply(message: Message): boolean {
    if (message.type === "result") {
      for (const [key, write] of this.byKey) {
        if (write.id !== message.id || write.failure !== null) continue;
        if (message.ok) this.byKey.delete(key);
        else this.#fail(key, write, explain(message.code, message.reason));
        return true;
      }
      return false;
    }
    if (message.type === "update") {
      const key = writeKey(message.uid, message.resource);
      const write = this.byKey.get(key);
      // The device says what was asked for: that is confirmation enough, whatever happened to the answer.
      return write?.failure === null && String(message.data) === write.payload && this.byKey.delete(key);
    }
    if (message.type === "out") {
      let changed = false;
      for (const [key, write] of this.byKey) if (write.uid === message.uid) changed = this.byKey.delete(key) || changed;
      return changed;
    }
    return false;
  }

  /** Fails what waits beyond its deadline; true when a write changed. */
  expire(nowMs: number): boolean {
    return this.#failWaiting((write) => write.deadlineMs <= nowMs, "No answer within 15 seconds.");
  }

  /** The connection ended: nobody will tell the outcome of what waits. */
  lost(): boolean {
    return this.#failWaiting(() => true, "The connection was lost; it may or may not have happened.");
  }

  /** When `expire` has something to do next, or null. */
  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const { failure, deadlineMs } of this.byKey.values()) {
      if (failure === null && (next === null || deadlineMs < next)) next = deadlineMs;
    }
    return next;
  }

  /** Fails one write that could not even be sent. */
  notSent(write: Write): void {
    this.#fail(writeKey(write.uid, write.resource), write, "Not sent: there is no connection to the broker.");
  }

  #failWaiting(which: (write: Write) => boolean, failure: string): boolean {
    let changed = false;
    for (const [key, write] of this.byKey) {
      if (write.failure !== null || !which(write)) continue;
      this.#fail(key, write, failure);
      changed = true;
    }
    return changed;
  }

  #fail(key: string, write: Write, failure: string): void {
    this.byKey.set(key, { ...write, failure });
  }
}

function explain(code: string, reason: string): string {
  const meaning = FAILURES[code] ?? (code === "" ? "It failed" : `It failed (${code})`);
  return reason === "" ? `${meaning}.` : `${meaning}: ${reason}`;
}
