// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../../i18n/translate.ts";

export const t = translator({
  en: {
    acceleration: "Acceleration",
    rotation: "Rotation",
    chart: "{title} over the last minute",
    reset: "{label}: how it lies; press to reset its angle",
    resetShort: "Reset the angle",
    noWebgl: "This browser draws no 3D (WebGL is off).",
    unreadable: "No motion that can be read",
  },
  fr: {
    acceleration: "Accélération",
    rotation: "Rotation",
    chart: "{title} pendant la dernière minute",
    reset: "{label} : son orientation ; appuyer pour remettre l’angle à zéro",
    resetShort: "Remettre l’angle à zéro",
    noWebgl: "Ce navigateur n’affiche pas de 3D (WebGL est désactivé).",
    unreadable: "Aucun mouvement lisible",
  },
});
