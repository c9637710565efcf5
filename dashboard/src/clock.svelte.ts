// SPDX-License-Identifier: BSD-3-Clause

/** The time that ages are counted to; moves once a second while the page is shown. */
class Clock {
  nowMs = $state(Date.now());

  start(): void {
    setInterval(() => {
      if (!document.hidden) this.nowMs = Date.now();
    }, 1000);
    document.addEventListener("visibilitychange", () => {
      this.nowMs = Date.now();
    });
  }
}

export const clock = new Clock();
