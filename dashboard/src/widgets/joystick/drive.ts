// SPDX-License-Identifier: BSD-3-Clause
import type { Deflection } from "./joystick.ts";
import { payloadOf, STOP } from "./payload.ts";

/** While the stick is held its position is told this often. */
export const REPEAT_MS = 1_000;
/** A stop is told once more after this time, whatever became of the first. */
export const SECOND_STOP_AFTER_MS = 100;
/** A stop that no device confirmed is told again after this time … */
export const STOP_AGAIN_AFTER_MS = 1_000;
/** … so often; after that only when the connection comes back. */
export const MAX_STOPS = 300;

/** Something to write now. Whoever writes it says what became of it: `Drive.done`. */
export interface Order {
  readonly payload: string;
  readonly kind: "position" | "stop";
  /** No position was under way when it was told, so that none can arrive after it. */
  readonly isLast: boolean;
}

/**
 * When a robot is told what. Pure: the time comes in, orders come out.
 *
 * Positions wait for each other: one is under way at a time, then the newest is told. A stop waits for nothing, and is
 * owed until the device confirmed one that was told after the outcome of every position: what is repeated on its way
 * can overtake. `tick` wants to be called at `dueMs`.
 */
export class Drive {
  #held: Deflection | null = null;
  #positionDueMs = 0;
  #positionsUnderWay = 0;
  /** Stops told since the stick was let go; null: none is owed. */
  #stops: number | null = null;
  #stopDueMs = 0;
  #isStopConfirmed = false;

  /** The robot may be moving: the stick is held, or no stop was confirmed yet. */
  get isMoving(): boolean {
    return this.#held !== null || this.#stops !== null;
  }

  get dueMs(): number {
    if (this.#held !== null) return this.#positionsUnderWay > 0 ? Infinity : this.#positionDueMs;
    return this.#stops === null ? Infinity : this.#stopDueMs;
  }

  /** The stick was taken, or moved. */
  hold(deflection: Deflection, nowMs: number): Order | null {
    if (this.#held === null) this.#positionDueMs = nowMs;
    this.#held = deflection;
    this.#stops = null;
    return this.tick(nowMs);
  }

  /** The stick was let go, for whatever reason. */
  release(nowMs: number): Order | null {
    if (this.#held === null) return null;
    this.#held = null;
    this.#stops = 0;
    this.#isStopConfirmed = false;
    this.#stopDueMs = nowMs;
    return this.tick(nowMs);
  }

  /** An order has its outcome. */
  done(order: Order, isConfirmed: boolean, nowMs: number): Order | null {
    if (order.kind === "position") {
      this.#positionsUnderWay -= 1;
      if (this.#positionsUnderWay === 0) this.#stopDueMs = Math.min(this.#stopDueMs, nowMs);
    } else if (order.isLast && isConfirmed && this.#stops !== null) {
      this.#isStopConfirmed = true;
      if (this.#stops >= 2) this.#stops = null;
    }
    return this.tick(nowMs);
  }

  /** The connection is back: what is owed is told now. */
  reconnected(nowMs: number): Order | null {
    if (this.#stops === null) return null;
    this.#stops = 0;
    this.#stopDueMs = nowMs;
    return this.tick(nowMs);
  }

  tick(nowMs: number): Order | null {
    if (nowMs < this.dueMs) return null;
    if (this.#held !== null) {
      this.#positionDueMs = nowMs + REPEAT_MS;
      this.#positionsUnderWay += 1;
      return { payload: payloadOf(this.#held), kind: "position", isLast: false };
    }
    this.#stops = (this.#stops ?? 0) + 1;
    this.#stopDueMs = nowMs + (this.#stops === 1 ? SECOND_STOP_AFTER_MS : STOP_AGAIN_AFTER_MS);
    const order: Order = { payload: STOP, kind: "stop", isLast: this.#positionsUnderWay === 0 };
    if (this.#isStopConfirmed && this.#stops >= 2) this.#stops = null;
    else if (this.#stops >= MAX_STOPS) this.#stopDueMs = Infinity;
    return order;
  }
}
