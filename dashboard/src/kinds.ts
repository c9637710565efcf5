// SPDX-License-Identifier: BSD-3-Clause

/** How a resource of a well-known name is shown; unknown ones are shown too, under their own name. */
interface Kind {
  readonly label: string;
  /** Name of the colour of its chart (app.css). */
  readonly tone: string;
}

// The order here is the order on a card.
const KINDS = new Map<string, Kind>([
  ["led", { label: "LED", tone: "amber" }],
  ["temperature", { label: "Temperature", tone: "rose" }],
  ["humidity", { label: "Humidity", tone: "blue" }],
  ["pressure", { label: "Pressure", tone: "violet" }],
  ["illuminance", { label: "Illuminance", tone: "amber" }],
  ["eco2", { label: "eCO₂", tone: "green" }],
  ["tvoc", { label: "TVOC", tone: "green" }],
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

/** Well-known resources first, in their order; the others by name. */
export function byRank(a: string, b: string): number {
  const byKind = (RANK.get(a) ?? KINDS.size) - (RANK.get(b) ?? KINDS.size);
  return byKind !== 0 ? byKind : a < b ? -1 : a > b ? 1 : 0;
}
