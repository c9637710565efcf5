// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../i18n/translate.ts";

export const t = translator({
  en: {
    skip: "Skip to the content",
    asking: "Asking the broker for its devices:",
    loading: "Loading…",
    notLoaded: "This page could not be loaded.",
    notLoadedWhy: "There is no connection to the dashboard's server, or a newer version was installed.",
    again: "Try again",
  },
  fr: {
    skip: "Aller au contenu",
    asking: "On demande au broker ses appareils :",
    loading: "Chargement…",
    notLoaded: "Cette page n'a pas pu être chargée.",
    notLoadedWhy: "Le serveur du tableau de bord ne répond pas, ou une version plus récente a été installée.",
    again: "Réessayer",
  },
});
