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

/** A column of numbers keeps no more decimals than this for the sake of one of them. */
const MAX_KEPT_DECIMALS = 3;

/**
 * A number in at most seven digits as one writes it in `tag`, with a real minus sign; huge and tiny ones with an exponent.
 * With `decimals` it has at least so many, as far as seven digits go: 22 among 21.9 and 22.1 is 22.0, and does not jump.
 */
export function shownNumber(value: number, tag: Language = language.current, decimals = 0): string {
  const size = Math.abs(value);
  if (decimals > 0 && size < 10 ** (DIGITS - decimals) && Number(value.toFixed(decimals)) === value) {
    return formatOf(tag, decimals).format(value + 0).replaceAll("-", "−");
  }
  if (value === 0) return "0";
  if (size >= 1e9 || size < 1e-4) return scientific(value).replace(".", tag === "fr" ? "," : ".");
  return formatOf(tag, 0).format(value).replaceAll("-", "−");
}

/** How many decimals the newest of these numbers are written with, so that all of them can be. */
export function decimalsOf(values: ArrayLike<number>, newest = 32): number {
  let most = 0;
  for (let index = Math.max(values.length - newest, 0); index < values.length && most < MAX_KEPT_DECIMALS; index += 1) {
    const value = values[index] ?? 0;
    while (most < MAX_KEPT_DECIMALS && Number.isFinite(value) && Number(value.toFixed(most)) !== value) most += 1;
  }
  return most;
}

/** With `decimals` exactly so many, else what seven digits show. */
function formatOf(tag: Language, decimals: number): Intl.NumberFormat {
  const key = `${tag} ${String(decimals)}`;
  let format = formats.get(key);
  if (format === undefined) {
    const digits =
      decimals > 0 ? { minimumFractionDigits: decimals, maximumFractionDigits: decimals } : { maximumSignificantDigits: DIGITS };
    format = new Intl.NumberFormat(tag, { ...digits, useGrouping: "min2" });
    formats.set(key, format);
  }
  return format;
}

function scientific(value: number): string {
  return value.toExponential(3).replaceAll("-", "−").replace("e+", "e");
}
