// SPDX-License-Identifier: BSD-3-Clause
import type { History } from "./history.ts";
import type { Rhythm } from "./rhythm.ts";

/** What is known of a resource besides its values (PROTOCOL.md, section 3.5, `about`); all of it may be missing. */
export interface About {
  readonly title?: string;
  /** False: it cannot be written to; true: it can; missing: nobody said. */
  readonly writable?: boolean;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly choices?: readonly (string | number | boolean)[];
  /** Attributes of its link (RFC 6690): resource type, interface, content format. */
  readonly rt?: string;
  readonly if?: string;
  readonly ct?: string;
}

/** One resource of a node as last heard. Replaced, never changed; only its history grows. */
export interface Resource {
  readonly name: string;
  readonly data: unknown;
  /** The number the value is, or null when it is something else. */
  readonly number: number | null;
  readonly value: unknown;
  readonly unit: string | null;
  /** When the gateway got it. */
  readonly atMs: number;
  readonly about: About;
  readonly history: History;
  /** How often it is told anew, as was seen here; as the history it only grows. */
  readonly rhythm?: Rhythm | null;
}

/** Why and when a node went. */
export interface Gone {
  readonly why: string;
  readonly atMs: number;
}

/** One node as last heard. Replaced when anything of it changes, so that identity tells change. Times are Unix ms. */
export interface Node {
  readonly uid: string;
  readonly gateway: string;
  /** What the broker calls its protocol; empty until it has said so. */
  readonly protocol: string;
  /** `unreachable`: its gateway is away, or has not told of it since it came back. `gone` ones keep their last values. */
  readonly state: "online" | "unreachable" | "gone";
  readonly firstSeenMs: number | null;
  /** Its last sign of life, with a value or without. */
  readonly lastSeenMs: number | null;
  /** How often it usually shows itself, as its gateway says, or else as was seen here; null while that is not known. */
  readonly intervalMs: number | null;
  /** How often signs of life come here: the broker tells those without a value every 10 s at most. */
  readonly heardEveryMs?: number | null;
  /** After which silence it is out; null where its connection says that. */
  readonly timeoutMs: number | null;
  readonly gone: Gone | null;
  /** Since when it is unreachable; null where it is not, or where nobody here saw it become so. */
  readonly unreachableMs?: number | null;
  readonly resources: ReadonlyMap<string, Resource>;
}
