// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../../i18n/translate.ts";

export const t = translator({
  en: {
    picture: "{label}: live picture of {name}",
    pause: "Pause",
    resume: "Resume",
    retry: "Try again",
    paused: "Paused",
    failed: "No picture comes from {host}.",
    refused: "Pictures from {host} are not allowed here. Start the dashboard with:",
    mixed: "The picture comes from {host} over http, this page came over https: browsers refuse to mix them.",
    none: "This is not the address (http or https) of a picture:",
  },
  fr: {
    picture: "{label} : image en direct de {name}",
    pause: "Pause",
    resume: "Reprendre",
    retry: "Réessayer",
    paused: "En pause",
    failed: "Aucune image n’arrive de {host}.",
    refused: "Les images de {host} ne sont pas autorisées ici. Démarrez le tableau de bord avec :",
    mixed: "L’image vient de {host} en http, cette page en https : les navigateurs refusent de les mêler.",
    none: "Ceci n’est pas l’adresse (http ou https) d’une image :",
  },
});
