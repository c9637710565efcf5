// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../i18n/translate.ts";

export const t = translator({
  en: {
    connection: "Connection",
    old: "Connection lost. What you see is old.",
    none: "No connection to the broker.",
    now: "Trying again now.",
    soon: "Trying again in {span}.",
    tryNow: "Try now",
    misled:
      "This page was told that the broker is at {url}, which is the machine you sit at. Start the dashboard with --broker-host and a name that your browser can reach.",
    needed: "Access token needed",
    token: "Token",
    connect: "Connect",
    kept: "It is kept in this tab only, until the tab is closed.",
  },
  fr: {
    connection: "Connexion",
    old: "Connexion perdue. Ce que vous voyez est ancien.",
    none: "Pas de connexion au broker.",
    now: "Nouvel essai maintenant.",
    soon: "Nouvel essai dans {span}.",
    tryNow: "Essayer maintenant",
    misled:
      "On a dit à cette page que le broker est à {url}, soit la machine devant vous. Démarrez le tableau de bord avec --broker-host et un nom que votre navigateur peut atteindre.",
    needed: "Jeton d’accès requis",
    token: "Jeton",
    connect: "Se connecter",
    kept: "Il n’est gardé que dans cet onglet, jusqu’à sa fermeture.",
  },
});
