// SPDX-License-Identifier: BSD-3-Clause
import type { NodeInfo } from "../../client/client.js";
import type { Change } from "../../client/view.js";

export interface Reading {
  readonly data: unknown;
  readonly value: unknown;
  readonly unit?: string;
  readonly at: number;
}

/** All nodes that went, as the broker knew them when it was asked. */
export interface Departed {
  readonly type: "departed";
  readonly nodes: readonly NodeInfo[];
}

/** All that the store takes, in the order in which it was told. */
export type News = Change | Departed;
