// SPDX-License-Identifier: BSD-3-Clause
import { Drive, type Order } from "./drive.ts";
import type { Deflection } from "./joystick.ts";

/** Writes a payload; tells whether the device confirmed it. Never rejects. */
export type Tell = (payload: string) => Promise<boolean>;

/**
 * Drives one robot: the clock and the timer of a `Drive`. It outlives the widget until the robot stands: a stop is
 * told until the device confirms it.
 */
export class Driver {
  readonly #drive = new Drive();
  readonly #tell: Tell;
  readonly #nowMs: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: Tell, nowMs = () => performance.now()) {
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  get isMoving(): boolean {
    return this.#drive.isMoving;
  }

  hold(deflection: Deflection): void {
    this.#carryOut(this.#drive.hold(deflection, this.#nowMs()));
  }

  release(): void {
    this.#carryOut(this.#drive.release(this.#nowMs()));
  }

  reconnected(): void {
    this.#carryOut(this.#drive.reconnected(this.#nowMs()));
  }

  #carryOut(order: Order | null): void {
    if (order !== null) {
      void this.#tell(order.payload).then((isConfirmed) => this.#carryOut(this.#drive.done(order, isConfirmed, this.#nowMs())));
    }
    clearTimeout(this.#timer);
    const { dueMs } = this.#drive;
    if (dueMs === Infinity) return;
    this.#timer = setTimeout(() => this.#carryOut(this.#drive.tick(this.#nowMs())), Math.max(dueMs - this.#nowMs(), 0));
  }
}
