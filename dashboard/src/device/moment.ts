// SPDX-License-Identifier: BSD-3-Clause
import type { Language } from "../i18n/language.svelte.ts";

const LAST_MS = 8.64e15;
const DAY_MS = 86_400_000;

type Style = "clock" | "minute" | "day" | "full";

const STYLES: Readonly<Record<Style, Intl.DateTimeFormatOptions>> = {
  clock: { timeStyle: "medium" },
  minute: { timeStyle: "short" },
  day: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  full: { dateStyle: "medium", timeStyle: "medium" },
};
// Making one is dear, and an axis asks for a dozen times at each drawing.
const made = new Map<string, Intl.DateTimeFormat>();

/** A moment as people of a language write it. Moments that no calendar has are the last that it has. */
export function timeText(atMs: number, style: Style, language: Language): string {
  const key = `${language} ${style}`;
  let format = made.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language === "en" ? ownEnglish() : language, STYLES[style]);
    made.set(key, format);
  }
  return format.format(Number.isFinite(atMs) ? Math.min(Math.max(atMs, -LAST_MS), LAST_MS) : 0);
}

/** The time on an axis whose marks are so far apart: no seconds where all would be zero, the day where it matters. */
export function axisText(atMs: number, apartMs: number, language: Language): string {
  return timeText(atMs, apartMs >= DAY_MS / 2 ? "day" : apartMs >= 60_000 ? "minute" : "clock", language);
}

/** English is spoken with many clocks: the browser's own kind of it, where it has one. */
function ownEnglish(): string {
  return navigator.languages.find((tag) => tag.startsWith("en")) ?? "en";
}
