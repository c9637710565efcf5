// SPDX-License-Identifier: BSD-3-Clause
import { language } from "./i18n/language.svelte.ts";
import { t } from "./strings.ts";

const UNITS = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
  ["seconds", 1],
] as const;
/** Days are counted from here on: `36 h` says more than `1 day`. */
const DAYS_FROM_S = 48 * 3_600;

/** How long ago, in the page's language: `now`, `3 s ago`. A moment in the future is `now`: clocks differ. */
export function ageText(atMs: number, nowMs: number): string {
  return agoText(spanText(nowMs - atMs));
}

/** The same in two units: `2 min 10 s ago`. */
export function preciseAgeText(atMs: number, nowMs: number): string {
  return agoText(preciseSpanText(nowMs - atMs));
}

function agoText(span: string): string {
  return span === "" ? t("now") : t("ago", { span });
}

/** A length of time in its largest fitting unit, in the page's language; empty when less than a second. */
export function spanText(lengthMs: number): string {
  return inUnits(lengthMs, 1);
}

/** A length of time in its two largest units: `2 min 10 s`. */
export function preciseSpanText(lengthMs: number): string {
  return inUnits(lengthMs, 2);
}

function inUnits(lengthMs: number, most: number): string {
  let rest = Math.floor(lengthMs / 1000);
  const parts: string[] = [];
  for (const [unit, unitS] of UNITS) {
    if (parts.length === 0 && !(rest >= (unit === "days" ? DAYS_FROM_S : unitS))) continue;
    const count = Math.floor(rest / unitS);
    rest -= count * unitS;
    if (count === 0 && parts.length > 0) break;
    parts.push(t(unit, { count }));
    if (parts.length === most) break;
  }
  return parts.join(" ");
}

const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const DATE: Intl.DateTimeFormatOptions = { ...TIME, month: "short", day: "numeric" };
const FULL: Intl.DateTimeFormatOptions = { dateStyle: "full", timeStyle: "medium" };
const formats = new Map<string, Intl.DateTimeFormat>();

/** A moment in the page's language: the time of day, with its date where it is of another day than `nowMs`. */
export function momentText(atMs: number, nowMs: number): string {
  const isToday = dayOf(atMs) === dayOf(nowMs);
  return dateText(atMs, isToday ? "time" : "date");
}

/** A moment to the second, with its day. */
export function fullTimeText(atMs: number): string {
  return dateText(atMs, "full");
}

function dateText(atMs: number, style: "time" | "date" | "full"): string {
  if (dayOf(atMs) === "") return "";
  const key = `${style} ${language.current}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language.current, style === "time" ? TIME : style === "date" ? DATE : FULL);
    formats.set(key, format);
  }
  return format.format(atMs);
}

/** The day of a moment here; empty where it is none that a calendar has: devices say what they like. */
function dayOf(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? "" : date.toDateString();
}

/** Any value as text: texts as they are, everything else as JSON over several lines. Never throws. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "–";
  if (typeof value !== "object") return String(value);
  return jsonText(value, "");
}

const LINE = 44;

/** JSON over several lines, but whatever fits on one stays on one: an IMU's vectors are easier to read so. */
function jsonText(value: unknown, indent: string): string {
  const short = JSON.stringify(value) ?? "null";
  if (typeof value !== "object" || value === null || short.length + indent.length <= LINE) return short;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + jsonText(item, inner)).join(",\n")}\n${indent}]`;
  const rows = Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${jsonText(item, inner)}`);
  return `{\n${rows.join(",\n")}\n${indent}}`;
}

/** JSON that a device sent as text, parsed; anything else as it came. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
