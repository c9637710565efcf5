// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../../i18n/translate.ts";

export const t = translator({
  en: {
    stick: "{label}: drag, or hold the arrow keys; letting go stops",
    hint: "Drag, or hold the arrow keys. Letting go stops.",
    stopping: "Stopping…",
    standing: "Stands",
    said: "It says: {text}",
  },
  fr: {
    stick: "{label} : glisser, ou maintenir les flèches ; relâcher arrête",
    hint: "Glissez, ou maintenez les flèches. Relâcher arrête.",
    stopping: "Arrêt en cours…",
    standing: "À l’arrêt",
    said: "Il dit : {text}",
  },
});
