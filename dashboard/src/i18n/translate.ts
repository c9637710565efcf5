// SPDX-License-Identifier: BSD-3-Clause
import { language, type Language } from "./language.svelte.ts";

/** A text with places `{name}`; or one for one thing and one for several, by the value of `count`. */
export type Message = string | { readonly one: string; readonly other: string };

/** The texts of one part of the page. Every language has the same keys, which the compiler sees to. */
export type Catalogue<Key extends string | number> = Readonly<Record<Language, Readonly<Record<Key, Message>>>>;

export type Values = Readonly<Record<string, string | number>>;

/**
 * Makes the `t` of one part of the page, from its own catalogue (`strings.ts` beside it):
 *
 *     const t = translator({ en: { seen: "seen {ago}" }, fr: { seen: "vu {ago}" } });
 *     t("seen", { ago: "3 s ago" })
 *
 * Read in a component it follows the language.
 */
export function translator<Key extends string | number>(catalogue: Catalogue<Key>): (key: Key, values?: Values) => string {
  return (key, values = {}) => translated(catalogue[language.current][key], values, language.current);
}

/** A message with its values, in `tag`'s plural. Values are put in as they are, and never looked at for places. Pure. */
export function translated(message: Message, values: Values, tag: Language): string {
  const text =
    typeof message === "string" ? message : new Intl.PluralRules(tag).select(Number(values["count"])) === "one" ? message.one : message.other;
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : place));
}
