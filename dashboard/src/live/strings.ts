// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../i18n/translate.ts";
import type { State } from "./liveness.ts";

export const t = translator({
  en: {
    state: "State",
    online: "Online",
    late: "Late",
    unreachable: "Unreachable",
    wentAway: "Gone",
    // Why a write failed; {why} is what the device, its gateway or the broker says.
    because: "{what}: {why}",
    sentence: "{what}.",
    busy: "Too many writes at once",
    expired: "Not tried in time",
    failed: "Its gateway failed",
    forbidden: "Not allowed",
    left: "It left before it answered",
    offline: "Not reached",
    refused: "Refused",
    timeout: "Timed out",
    unknown: "Unknown",
    unsupported: "Not possible",
    somehow: "It failed",
    somehowCalled: "It failed ({kind})",
    lost: "The connection was lost; it may or may not have happened.",
    notSent: "Not sent: there is no connection to the broker.",
    // How a node is, and why; parts of one line.
    usually: "usually every {span}",
    last: "last {ago}",
    lastOver: "last {ago} over {protocol}",
    justNow: "heard just now",
    justNowOver: "heard just now over {protocol}",
    never: "no sign of life yet",
    gatewayAway: "its gateway {gateway} is away",
    gatewayAwaySince: "its gateway {gateway} is away since {moment}",
    connectionLost: "no connection to the broker since {moment}",
    gone: "gone: {why}",
    goneSince: "gone since {moment}: {why}",
    whyTimeout: "silent for too long",
    whySilent: "silent for longer than {span}",
    whyClosed: "it closed its connection",
    whyDeregistered: "it signed off",
    whyGateway: "its gateway {gateway} was away for too long",
    whyForgotten: "its gateway {gateway} came back without it",
    whyUnknown: "the broker no longer has it",
  },
  fr: {
    state: "État",
    online: "En ligne",
    late: "En retard",
    unreachable: "Injoignable",
    wentAway: "Parti",
    because: "{what} : {why}",
    sentence: "{what}.",
    busy: "Trop d’écritures à la fois",
    expired: "Pas tentée à temps",
    failed: "Sa passerelle a échoué",
    forbidden: "Non autorisé",
    left: "Parti avant d’avoir répondu",
    offline: "Non joint",
    refused: "Refusé",
    timeout: "Délai dépassé",
    unknown: "Inconnu",
    unsupported: "Impossible",
    somehow: "Échec",
    somehowCalled: "Échec ({kind})",
    lost: "La connexion a été perdue ; c’est peut-être fait, ou non.",
    notSent: "Pas envoyé : aucune connexion au broker.",
    usually: "rythme habituel : {span}",
    last: "dernier signe {ago}",
    lastOver: "dernier signe {ago} par {protocol}",
    justNow: "signe de vie à l’instant",
    justNowOver: "signe de vie à l’instant par {protocol}",
    never: "aucun signe de vie pour l’instant",
    gatewayAway: "sa passerelle {gateway} est absente",
    gatewayAwaySince: "sa passerelle {gateway} est absente depuis {moment}",
    connectionLost: "pas de connexion au broker depuis {moment}",
    gone: "parti : {why}",
    goneSince: "parti depuis {moment} : {why}",
    whyTimeout: "silencieux trop longtemps",
    whySilent: "silencieux plus de {span}",
    whyClosed: "il a fermé sa connexion",
    whyDeregistered: "il s’est désinscrit",
    whyGateway: "sa passerelle {gateway} est restée absente trop longtemps",
    whyForgotten: "sa passerelle {gateway} est revenue sans lui",
    whyUnknown: "le broker ne l’a plus",
  },
});

/** What is believed of a device, in one word. */
export function stateText(state: State): string {
  return t(state === "gone" ? "wentAway" : state);
}

const KINDS = ["busy", "expired", "failed", "forbidden", "left", "offline", "refused", "timeout", "unknown", "unsupported"] as const;

/** Why something that was asked for was not done, in the page’s language. */
export function explain(kind: string | null, reason: string): string {
  if (kind === "lost") return t("lost");
  if (kind === "not-sent") return t("notSent");
  const known = KINDS.find((each) => each === kind);
  const what = known !== undefined ? t(known) : kind === null ? t("somehow") : t("somehowCalled", { kind });
  return reason === "" ? t("sentence", { what }) : t("because", { what, why: reason });
}
