// SPDX-License-Identifier: BSD-3-Clause

/** After so long without a word the broker is asked for one. */
const QUIET_MS = 20_000;

/**
 * Whether the broker is still at the other end. A browser does not tell a page of a connection whose network is gone,
 * so a silent one is asked. Pure; times are of a clock that never goes back.
 */
export class Heartbeat {
  #heardMs: number;
  #asking = false;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /** The broker said something. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Whether to ask now; then `answered` is to be called. */
  ask(nowMs: number): boolean {
    if (this.#asking || nowMs - this.#heardMs < QUIET_MS) return false;
    this.#asking = true;
    return true;
  }

  /** What was asked has ended; `isThere`: with an answer. */
  answered(isThere: boolean, nowMs: number): void {
    this.#asking = false;
    if (isThere) this.#heardMs = nowMs;
  }
}
