// SPDX-License-Identifier: BSD-3-Clause
import type { Node, Resource } from "./model.ts";

/** What is believed of a device, from best to worst. */
export const STATES = ["online", "late", "unreachable", "gone"] as const;
export type State = (typeof STATES)[number];

/** How a node is, and why one thinks so. */
export interface Liveness {
  readonly state: State;
  /** Its last sign of life. */
  readonly lastMs: number | null;
  /** How often it usually shows itself. */
  readonly intervalMs: number | null;
  /** Since when it is not online; null where it is, or where that is not known. */
  readonly sinceMs: number | null;
  /**
   * A word: `silent`; `gateway` (is away), `connection` (ours to the broker is lost); of gone ones what the broker says:
   * `timeout`, `closed`, `deregistered`, `gateway`, `forgotten`, or `unknown`. Null of those that are online.
   */
  readonly why: string | null;
}

/** A node is late when it has been silent for so many of its usual intervals, but for no less than `MIN_LATE_MS`. */
const LATE_INTERVALS = 2.5;
const MIN_LATE_MS = 5_000;
/** Signs of life without a value are told every so often at most (PROTOCOL.md, section 2.3, `seen`). */
const SEEN_EVERY_MS = 10_000;
/** A lost connection says nothing about nodes for so long: most are back by then. */
const MIN_LOST_MS = 5_000;
/** A measurement that has no rhythm of its own looks old after so long. */
const OLD_MS = 3_600_000;

/**
 * How a node is at `nowMs`, the broker's time. `lostMs` is since when the connection to the broker is lost, if it is:
 * then nobody here knows who is still there, but for those that were silent before. Pure.
 */
export function livenessOf(node: Node, nowMs: number, lostMs: number | null = null): Liveness {
  const { lastSeenMs: lastMs, intervalMs } = node;
  const known = { lastMs, intervalMs };
  if (node.state === "gone") return { ...known, state: "gone", sinceMs: node.gone?.atMs ?? null, why: node.gone?.why ?? "unknown" };
  if (node.state === "unreachable") return { ...known, state: "unreachable", sinceMs: node.unreachableMs ?? null, why: "gateway" };
  const lateMs = lateAfterMs(node);
  // After a loss the silence is ours.
  const isLate = lateMs !== null && lastMs !== null && (lostMs ?? nowMs) - lastMs > lateMs;
  if (!isLate && lostMs !== null && nowMs - lostMs > MIN_LOST_MS) return { ...known, state: "unreachable", sinceMs: lostMs, why: "connection" };
  if (isLate) return { ...known, state: "late", sinceMs: lastMs + lateMs, why: "silent" };
  return { ...known, state: "online", sinceMs: null, why: null };
}

/** After which silence a node is late; null where nobody can know. */
function lateAfterMs({ intervalMs, heardEveryMs, timeoutMs }: Node): number | null {
  if (intervalMs === null) return timeoutMs;
  // What is heard of it may be rarer than what it says: until that is known, or as often as it was.
  const heardMs = heardEveryMs ?? (intervalMs < SEEN_EVERY_MS ? SEEN_EVERY_MS : 0);
  return Math.max(LATE_INTERVALS * Math.max(intervalMs, heardMs), MIN_LATE_MS);
}

/**
 * Whether a value is older than its own rhythm makes likely, or its node is not online. What has no rhythm, such as a
 * switch or a name, holds while its node is there; a measurement only for a while. Pure.
 */
export function isStale(resource: Resource, node: Node, nowMs: number, lostMs: number | null = null): boolean {
  if (lostMs !== null || livenessOf(node, nowMs).state !== "online") return true;
  const ageMs = nowMs - resource.atMs;
  const everyMs = resource.rhythm?.everyMs ?? null;
  if (everyMs !== null) return ageMs > Math.max(LATE_INTERVALS * everyMs, LATE_INTERVALS * (node.intervalMs ?? 0), MIN_LATE_MS);
  const isMeasurement = resource.number !== null && resource.unit !== null;
  return isMeasurement && ageMs > Math.max(OLD_MS, LATE_INTERVALS * (node.intervalMs ?? 0));
}
