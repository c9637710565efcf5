// SPDX-License-Identifier: BSD-3-Clause
import { prefs } from "../prefs.svelte.ts";

export const LANGUAGES = ["en", "fr"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The language of the page: the chosen one, or the first of the browser's that there is. */
class LanguageChoice {
  readonly current = $derived.by<Language>(() => {
    if (prefs.language !== "system") return prefs.language;
    // Unit tests run where there is no browser.
    const tags = typeof navigator === "undefined" ? [] : (navigator.languages ?? []);
    const wanted = tags.map((tag) => tag.slice(0, 2).toLowerCase());
    return LANGUAGES.find((language) => language === wanted.find((tag) => LANGUAGES.some((known) => known === tag))) ?? "en";
  });
}

export const language = new LanguageChoice();
