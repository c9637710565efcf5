// SPDX-License-Identifier: BSD-3-Clause

/** How long ago, for people: `now`, `3 s ago`, `12 min ago`. A moment in the future is `now`: clocks differ. */
export function ageText(atMs: number, nowMs: number): string {
  const text = spanText(nowMs - atMs);
  return text === "" ? "now" : `${text} ago`;
}

/** A length of time in its largest fitting unit; empty when less than a second. */
export function spanText(lengthMs: number): string {
  const seconds = Math.floor(lengthMs / 1000);
  if (!(seconds >= 1)) return "";
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min`;
  if (seconds < 48 * 3600) return `${String(Math.floor(seconds / 3600))} h`;
  return `${String(Math.floor(seconds / 86_400))} days`;
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
