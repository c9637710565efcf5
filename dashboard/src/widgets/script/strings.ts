// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../../i18n/translate.ts";

export const t = translator({
  en: {
    editor: "{label}: script. Escape, then Tab leaves it",
    send: "Send",
    sendKeys: "Send (Ctrl or ⌘ + Enter)",
    sending: "Sending…",
    unsent: "Edited, not sent",
    confirmed: "As the device confirmed it",
    none: "The device has no script yet",
    revert: "Back to the device’s",
    tooLong: "Too long: {bytes} of {most} bytes",
    leave: "Esc, then Tab leaves the editor",
  },
  fr: {
    editor: "{label} : script. Échap puis Tab en sort",
    send: "Envoyer",
    sendKeys: "Envoyer (Ctrl ou ⌘ + Entrée)",
    sending: "Envoi…",
    unsent: "Modifié, non envoyé",
    confirmed: "Tel que l’appareil l’a confirmé",
    none: "L’appareil n’a pas encore de script",
    revert: "Revenir à celui de l’appareil",
    tooLong: "Trop long : {bytes} octets sur {most}",
    leave: "Échap puis Tab sort de l’éditeur",
  },
});
