// SPDX-License-Identifier: BSD-3-Clause
import { language, type Language } from "../i18n/language.svelte.ts";

/** Units of RFC 8428 (section 12.1) and RFC 8798 whose spelling is not what people write; the others show as they are. */
const SHOWN: Readonly<Record<string, string>> = {
  Cel: "°C",
  degF: "°F",
  Ohm: "Ω",
  "%RH": "%",
  "%EL": "%",
  EL: "s",
  "/": "",
  count: "",
  "/100": "%",
  "/1000": "‰",
  m2: "m²",
  m3: "m³",
  l: "L",
  "m/s2": "m/s²",
  "m3/s": "m³/s",
  "l/s": "L/s",
  "W/m2": "W/m²",
  "cd/m2": "cd/m²",
  "kg/m3": "kg/m³",
  "g/m3": "g/m³",
  "ug/m3": "µg/m³",
  lat: "°",
  lon: "°",
  deg: "°",
  "1/s": "/s",
  "1/min": "/min",
  "beat/min": "bpm",
  VAs: "VA·s",
  vars: "var·s",
  Bspl: "B SPL",
  mm2: "mm²",
  "ug/l": "µg/L",
  "mg/l": "mg/L",
  "mg/m3": "mg/m³",
};

const LONGEST_UNIT = 12;

/** A unit as people write it: `Cel` → `°C`. Unknown ones stay as the device spelled them, cut when absurdly long. */
export function shownUnit(unit: string | null): string {
  if (unit === null) return "";
  if (Object.hasOwn(SHOWN, unit)) return SHOWN[unit] ?? "";
  return unit.length > LONGEST_UNIT ? `${unit.slice(0, LONGEST_UNIT)}…` : unit;
}

const DIGITS = 7;
const formats = new Map<string, Intl.NumberFormat>();

/** A number in at most seven digits as one writes it in `tag`, with a real minus sign; huge and tiny ones with an exponent. */
export function shownNumber(value: number, tag: Language = language.current): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return scientific(value).replace(".", tag === "fr" ? "," : ".");
  let format = formats.get(tag);
  if (format === undefined) {
    format = new Intl.NumberFormat(tag, { maximumSignificantDigits: DIGITS, useGrouping: "min2" });
    formats.set(tag, format);
  }
  return format.format(value).replaceAll("-", "−");
}

function scientific(value: number): string {
  return value.toExponential(3).replaceAll("-", "−").replace("e+", "e");
}
