// SPDX-License-Identifier: BSD-3-Clause

/** How a resource of a well-known name is shown; unknown ones are shown too, under their own name. */
interface Kind {
  readonly label: string;
  /** Name of the colour of its chart (app.css). */
  readonly tone: string;
  /** A chart shows at least this range of values, so that noise does not look like weather. */
  readonly span?: number;
}

// The order here is the order on a card.
const KINDS = new Map<string, Kind>([
  ["led", { label: "LED", tone: "amber" }],
  ["temperature", { label: "Temperature", tone: "rose", span: 2 }],
  ["humidity", { label: "Humidity", tone: "blue", span: 4 }],
  ["pressure", { label: "Pressure", tone: "violet", span: 2 }],
  ["illuminance", { label: "Illuminance", tone: "amber", span: 20 }],
  ["eco2", { label: "eCO₂", tone: "green", span: 50 }],
  ["tvoc", { label: "TVOC", tone: "green", span: 20 }],
  ["tsp", { label: "Small particles", tone: "slate" }],
  ["tlp", { label: "Large particles", tone: "slate" }],
  ["imu", { label: "Motion (IMU)", tone: "slate" }],
  ["position", { label: "Position", tone: "slate" }],
  ["text", { label: "Message", tone: "slate" }],
  ["uvindex", { label: "UV index", tone: "violet" }],
]);

/** What a node tells of itself rather than of the world; shown in the card's fold. */
export const METADATA = new Map<string, string>([
  ["protocol", "Protocol"],
  ["os", "Operating system"],
  ["board", "Board"],
  ["mcu", "Microcontroller"],
  ["vendor", "Vendor"],
  ["version", "Version"],
  ["ip", "Address"],
  ["id", "Id"],
]);

const RANK = new Map([...KINDS.keys()].map((name, index) => [name, index]));

export function labelOf(resource: string): string {
  return KINDS.get(resource)?.label ?? resource;
}

export function toneOf(resource: string): string {
  return KINDS.get(resource)?.tone ?? "teal";
}

/** The smallest range of values a chart shows, or 0 when nothing is known of the resource. */
export function spanOf(resource: string): number {
  return KINDS.get(resource)?.span ?? 0;
}

/** Well-known resources first, in their order; the others by name. */
export function byRank(a: string, b: string): number {
  const byKind = (RANK.get(a) ?? KINDS.size) - (RANK.get(b) ?? KINDS.size);
  return byKind !== 0 ? byKind : a < b ? -1 : a > b ? 1 : 0;
}
