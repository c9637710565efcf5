// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "./i18n/translate.ts";

/** Words that all parts of the page share: times; and why there is no page. */
export const t = translator({
  en: {
    now: "now",
    ago: "{span} ago",
    days: { one: "{count} day", other: "{count} days" },
    hours: "{count} h",
    minutes: "{count} min",
    seconds: "{count} s",
    serverSilent: "The dashboard's server does not answer.",
    serverAnswered: "The dashboard's server answered {status} for its settings.",
    settingsNotJson: "The dashboard's settings (config.json) are not JSON.",
    settingsNoBroker: "The dashboard's settings (config.json) do not name a broker.",
    brokerNotUrl: "The broker's address is not a URL: {address}",
    brokerNotSocket: "The broker's address is not ws:// or wss://: {address}",
  },
  fr: {
    now: "maintenant",
    ago: "il y a {span}",
    days: { one: "{count} jour", other: "{count} jours" },
    hours: "{count} h",
    minutes: "{count} min",
    seconds: "{count} s",
    serverSilent: "Le serveur du tableau de bord ne répond pas.",
    serverAnswered: "Le serveur du tableau de bord a répondu {status} pour ses réglages.",
    settingsNotJson: "Les réglages du tableau de bord (config.json) ne sont pas du JSON.",
    settingsNoBroker: "Les réglages du tableau de bord (config.json) ne nomment pas de broker.",
    brokerNotUrl: "L’adresse du broker n’est pas une URL : {address}",
    brokerNotSocket: "L’adresse du broker n’est ni en ws:// ni en wss:// : {address}",
  },
});
