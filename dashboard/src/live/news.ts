// SPDX-License-Identifier: BSD-3-Clause
import type { Change } from "../../client/view.js";

/** What the broker tells of nodes besides their values (PROTOCOL.md, section 3.5, `details`). Times are Unix ms. */
export type Detail =
  | { readonly type: "about"; readonly uid: string; readonly resource: string; readonly about: unknown }
  | { readonly type: "liveness"; readonly uid: string; readonly lastSeen: number; readonly interval?: number; readonly timeout?: number }
  | { readonly type: "gone"; readonly uid: string; readonly why?: string; readonly at?: number }
  | { readonly type: "dismissed"; readonly uid: string };

export interface Reading {
  readonly data: unknown;
  readonly value: unknown;
  readonly unit?: string;
  readonly at: number;
}

/** A node that went, as `nodes.departed` tells it. */
export interface DepartedNode {
  readonly uid: string;
  readonly gateway: string;
  readonly protocol: string;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly interval?: number;
  readonly timeout?: number;
  readonly why: string;
  readonly goneAt: number;
  readonly values: Readonly<Record<string, Reading>>;
  readonly about?: Readonly<Record<string, unknown>>;
}

/** All nodes that went, as the broker knew them when it was asked. */
export interface Departed {
  readonly type: "departed";
  readonly nodes: readonly DepartedNode[];
}

/** All that the store takes, in the order in which it was told. */
export type News = Change | Detail | Departed;
