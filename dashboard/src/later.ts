// SPDX-License-Identifier: BSD-3-Clause
/** Parts of the page that are loaded later and may be missed for a while: charts beside their numbers, the tiles. */

/** The time until a first further attempt, in ms; each one after it waits twice as long, up to the greatest. */
export const FIRST_PAUSE_MS = 1_000;
export const GREATEST_PAUSE_MS = 60_000;

/**
 * A loader that loads once, whoever asks, and tries again until it is there: a fetch may fail when the network is lost
 * for a moment, and nobody is asked to press anything for what only goes with something else.
 */
export function later<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let part: Promise<Part> | null = null;

  async function persist(): Promise<Part> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, GREATEST_PAUSE_MS)) {
      try {
        return await load();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  return () => (part ??= persist());
}
