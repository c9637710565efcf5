// SPDX-License-Identifier: BSD-3-Clause
import { valueText } from "../format.ts";
import type { WidgetKind } from "./choose.ts";
import { switchStateOf } from "./payload.ts";
import { t } from "./strings.ts";
import { shownNumber, shownUnit } from "./units.ts";

const LONGEST = 40;

/** A state in a word: a truth is a yes or a no, for who knows whether a door is on; all else is on or off. */
export function stateWord(on: boolean, data: unknown): string {
  const isTruth = typeof data === "boolean" || /^\s*(true|false)\s*$/i.test(String(data).slice(0, 16));
  return isTruth ? t(on ? "yes" : "no") : t(on ? "on" : "off");
}

/** Data of a write, short, as its widget would say it: `On`, `21.5 °C`, `“open the d…”`. */
export function spoken(data: unknown, kind: WidgetKind, unit: string | null): string {
  if (kind === "switch") {
    const on = switchStateOf(data);
    if (on !== null) return stateWord(on, data);
  }
  if (kind === "number") {
    const number = typeof data === "number" ? data : typeof data === "string" && data.trim() !== "" ? Number(data) : NaN;
    if (Number.isFinite(number)) return `${shownNumber(number)} ${shownUnit(unit)}`.trimEnd();
  }
  const text = (typeof data === "string" ? data : valueText(data)).replace(/\s+/g, " ").trim();
  const letters = Array.from(text.slice(0, 4 * LONGEST));
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST).join("")}…` : text === "" ? t("emptyText") : letters.join("");
}
