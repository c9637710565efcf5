// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "./i18n/translate.ts";

/** Words that all parts of the page share: times. */
export const t = translator({
  en: {
    now: "now",
    ago: "{span} ago",
    days: { one: "{count} day", other: "{count} days" },
    hours: "{count} h",
    minutes: "{count} min",
    seconds: "{count} s",
  },
  fr: {
    now: "maintenant",
    ago: "il y a {span}",
    days: { one: "{count} jour", other: "{count} jours" },
    hours: "{count} h",
    minutes: "{count} min",
    seconds: "{count} s",
  },
});
