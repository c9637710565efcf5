// SPDX-License-Identifier: BSD-3-Clause

/** Two clocks that differ by less are the same. */
const JUMP_MS = 2_000;

/**
 * The broker's time, by this computer's clock and what the broker said. Pure: `wallMs` is what people can set,
 * `steadyMs` one that never goes back.
 *
 * A clock that is set back must not make old values young: the broker's time goes on as before. One that leaps ahead is
 * believed, for then this computer slept, most likely.
 */
export class BrokerClock {
  #offsetMs = 0;
  #wallMs: number;
  #steadyMs: number;
  /** How far the clock leapt ahead at the last look; 0 when it did not. */
  leaptMs = 0;

  constructor(wallMs: number, steadyMs: number) {
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** The broker has said what time it is: so much more than here. */
  set(offsetMs: number, wallMs: number, steadyMs: number): void {
    this.#offsetMs = offsetMs;
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
  }

  nowMs(wallMs: number, steadyMs: number): number {
    const jumpMs = wallMs - this.#wallMs - (steadyMs - this.#steadyMs);
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
    if (jumpMs < -JUMP_MS) this.#offsetMs -= jumpMs;
    this.leaptMs = jumpMs > JUMP_MS ? jumpMs : 0;
    return wallMs + this.#offsetMs;
  }
}
