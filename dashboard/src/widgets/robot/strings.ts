// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../../i18n/translate.ts";

export const t = translator({
  en: {
    u: "Forward",
    d: "Backward",
    l: "Left",
    r: "Right",
    s: "Stop",
    pad: "{label}: arrow keys drive, space stops",
    following: "It says: {command}",
    other: "It says: {text}",
  },
  fr: {
    u: "Avancer",
    d: "Reculer",
    l: "Gauche",
    r: "Droite",
    s: "Arrêt",
    pad: "{label} : les flèches dirigent, la barre d’espace arrête",
    following: "Il dit : {command}",
    other: "Il dit : {text}",
  },
});
