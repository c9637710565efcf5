// SPDX-License-Identifier: BSD-3-Clause

/** States of an update over SUIT as RIOT's devices number them; 4 and 7 are none. */
const STATES = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11] as const;
const FAILED: readonly number[] = [3, 5, 8, 10];
const DOWNLOADING = 6;
const DOWNLOADED = 11;

export interface UpdateState {
  /** Key of its words in the catalogue; null: a state that nobody named. */
  readonly words: `suit${(typeof STATES)[number]}` | "suitFailed" | null;
  /** As the device said it. */
  readonly said: string;
  readonly tone: "idle" | "busy" | "done" | "failed";
}

/** What a device's `suit_state` means. */
export function updateStateOf(data: unknown): UpdateState {
  const said = (typeof data === "string" || typeof data === "number" ? String(data) : "").trim();
  if (/^fail(ed|ure)?$/i.test(said)) return { words: "suitFailed", said, tone: "failed" };
  const state = STATES.find((number) => String(number) === said);
  if (state === undefined) return { words: null, said, tone: "busy" };
  const tone = state === 0 ? "idle" : state === DOWNLOADED ? "done" : FAILED.includes(state) ? "failed" : "busy";
  return { words: `suit${state}`, said, tone };
}

/** How much is downloaded (0–100), while that means something; null otherwise. */
export function progressOf(data: unknown, percent: number | null): number | null {
  const said = String(data).trim();
  if (said === String(DOWNLOADED)) return 100;
  return said === String(DOWNLOADING) && percent !== null ? Math.min(Math.max(percent, 0), 100) : null;
}
