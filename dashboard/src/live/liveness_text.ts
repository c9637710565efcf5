// SPDX-License-Identifier: BSD-3-Clause
import { momentText, preciseAgeText, preciseSpanText } from "../format.ts";
import { protocolOf } from "../naming.ts";
import type { Liveness } from "./liveness.ts";
import type { Node } from "./model.ts";
import { t } from "./strings.ts";

const JUST_NOW_MS = 1000;

/**
 * How a node is, and why, in parts for people, the most important first, in the page's language:
 * `usually every 30 s`, `last 2 min 10 s ago over CoAP`.
 */
export function livenessParts(liveness: Liveness, node: Node, nowMs: number): readonly string[] {
  const parts: string[] = [];
  const { state, why, sinceMs, lastMs, intervalMs } = liveness;
  if (state === "gone") parts.push(goneText(node, why, sinceMs, nowMs));
  if (why === "connection" && sinceMs !== null) parts.push(t("connectionLost", { moment: momentText(sinceMs, nowMs) }));
  if (state === "unreachable" && why === "gateway") {
    const { gateway } = node;
    parts.push(sinceMs === null ? t("gatewayAway", { gateway }) : t("gatewayAwaySince", { gateway, moment: momentText(sinceMs, nowMs) }));
  }
  if (state !== "gone" && intervalMs !== null) parts.push(t("usually", { span: preciseSpanText(Math.max(intervalMs, 1000)) }));
  parts.push(lastText(node, lastMs, nowMs));
  return parts;
}

/** The same in one line. */
export function livenessText(liveness: Liveness, node: Node, nowMs: number): string {
  return livenessParts(liveness, node, nowMs).join(", ");
}

function lastText(node: Node, lastMs: number | null, nowMs: number): string {
  if (lastMs === null) return t("never");
  const protocol = protocolOf(node);
  if (nowMs - lastMs < JUST_NOW_MS) return protocol === "" ? t("justNow") : t("justNowOver", { protocol });
  const ago = preciseAgeText(lastMs, nowMs);
  return protocol === "" ? t("last", { ago }) : t("lastOver", { ago, protocol });
}

function goneText({ gateway, timeoutMs }: Node, why: string | null, sinceMs: number | null, nowMs: number): string {
  const reason = whyText(gateway, timeoutMs, why);
  return sinceMs === null ? t("gone", { why: reason }) : t("goneSince", { moment: momentText(sinceMs, nowMs), why: reason });
}

function whyText(gateway: string, timeoutMs: number | null, why: string | null): string {
  switch (why) {
    case "timeout":
      return timeoutMs === null ? t("whyTimeout") : t("whySilent", { span: preciseSpanText(timeoutMs) });
    case "closed":
      return t("whyClosed");
    case "deregistered":
      return t("whyDeregistered");
    case "gateway":
      return t("whyGateway", { gateway });
    case "forgotten":
      return t("whyForgotten", { gateway });
    default:
      return t("whyUnknown");
  }
}
