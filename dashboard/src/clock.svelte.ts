// SPDX-License-Identifier: BSD-3-Clause
import { BrokerClock } from "./live/broker_clock.ts";

const TICK_MS = 1_000;

/** The time that ages are counted to, the broker's; moves once a second while the page is shown. */
class Clock {
  nowMs = $state(Date.now());
  readonly #clock = new BrokerClock(Date.now(), performance.now());
  /** Called when this computer seems to have slept. */
  onLeap: () => void = () => undefined;

  start(): void {
    setInterval(() => {
      if (!document.hidden) this.tick();
    }, TICK_MS);
    document.addEventListener("visibilitychange", () => this.tick());
  }

  /** How far the broker's clock is ahead of this computer's. */
  get offsetMs(): number {
    return this.#clock.offsetMs;
  }

  /** The broker has said what time it is. */
  set(offsetMs: number): void {
    this.#clock.set(offsetMs, Date.now(), performance.now());
    this.tick();
  }

  /** Looks at the time now. */
  tick(): number {
    this.nowMs = this.#clock.nowMs(Date.now(), performance.now());
    if (this.#clock.leaptMs > 0) this.onLeap();
    return this.nowMs;
  }
}

export const clock = new Clock();
