// SPDX-License-Identifier: BSD-3-Clause

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
  "S/m": "S/m",
  VAs: "VA·s",
  pH: "pH",
};

const LONGEST_UNIT = 12;

/** A unit as people write it: `Cel` → `°C`. Unknown ones stay as the device spelled them, cut when absurdly long. */
export function shownUnit(unit: string | null): string {
  if (unit === null) return "";
  if (Object.hasOwn(SHOWN, unit)) return SHOWN[unit] ?? "";
  return unit.length > LONGEST_UNIT ? `${unit.slice(0, LONGEST_UNIT)}…` : unit;
}

/** A number in at most seven digits, with a real minus sign; huge and tiny ones with an exponent. */
export function shownNumber(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e9 || size < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(7)));
  return text.replaceAll("-", "−").replace("e+", "e");
}
