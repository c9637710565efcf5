// SPDX-License-Identifier: BSD-3-Clause
import type { Node, Resource } from "../live/model.ts";
import { resourceType } from "./resource_type.ts";

/** How resources of a well-known type look; only a hint: unknown ones are shown too. */
interface Look {
  /** Name of the colour of its chart (app.css). */
  readonly tone: string;
  /** A chart shows at least this range of values, so that noise does not look like weather. */
  readonly span?: number;
  /** It is measured: nobody sets it, unless its device says so. */
  readonly measured?: true;
}

// The order here is the order on a card.
const LOOKS = new Map<string, Look>([
  ["led", { tone: "amber" }],
  ["temperature", { tone: "rose", span: 2, measured: true }],
  ["humidity", { tone: "blue", span: 4, measured: true }],
  ["pressure", { tone: "violet", span: 2, measured: true }],
  ["illuminance", { tone: "amber", span: 20, measured: true }],
  ["eco2", { tone: "green", span: 50, measured: true }],
  ["tvoc", { tone: "green", span: 20, measured: true }],
  ["tsp", { tone: "slate", measured: true }],
  ["tlp", { tone: "slate", measured: true }],
  ["uvindex", { tone: "violet", span: 1, measured: true }],
  ["battery", { tone: "green", span: 5, measured: true }],
  ["co2", { tone: "green", span: 50, measured: true }],
  ["voltage", { tone: "amber", measured: true }],
  ["current", { tone: "amber", measured: true }],
  ["power", { tone: "amber", measured: true }],
  ["robot", { tone: "slate" }],
  ["ribot", { tone: "slate" }],
  ["imu", { tone: "slate", measured: true }],
  ["position", { tone: "slate", measured: true }],
  ["text", { tone: "slate" }],
  ["twitter", { tone: "slate" }],
  ["webcam", { tone: "slate" }],
  ["js", { tone: "slate" }],
  ["suit_state", { tone: "slate" }],
  ["dwnld", { tone: "slate" }],
]);

const SWITCHES = new Set(["led", "relay", "switch", "light", "lamp", "plug", "outlet", "pump", "valve", "fan", "buzzer", "lock", "alarm"]);

/** What a node tells of itself rather than of the world, in the order in which it is shown. */
export const INFORMATION = ["name", "os", "board", "mcu", "vendor", "version", "protocol", "ip", "id", "uid"] as const;
export type InformationName = (typeof INFORMATION)[number];

const RANK = new Map([...LOOKS.keys()].map((type, index) => [type, index]));

export function isInformation(name: string): name is InformationName {
  return (INFORMATION as readonly string[]).includes(name);
}

export function typeOf(resource: Resource): string {
  return resourceType(resource.name, unitOf(resource));
}

/** The unit that came with the value, or else the one the resource is said to have. */
export function unitOf(resource: Resource): string | null {
  return resource.unit ?? resource.about.unit ?? null;
}

export function toneOf(resource: Resource): string {
  return LOOKS.get(typeOf(resource))?.tone ?? "teal";
}

/** The smallest range of values a chart shows, or 0 when nothing is known of the resource. */
export function spanOf(resource: Resource): number {
  return LOOKS.get(typeOf(resource))?.span ?? 0;
}

/** By its name, whatever its unit: what is called `target` is set, though it is in degrees. */
export function isMeasured({ name }: Resource): boolean {
  return LOOKS.get(resourceType(name, null))?.measured === true;
}

/** By its name it is a switch, when it says 0 or 1: as a number alone that may be a count. */
export function isSwitched({ name }: Resource): boolean {
  return SWITCHES.has(resourceType(name, null));
}

function byName(a: Resource, b: Resource): number {
  return ORDER.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

const ORDER = new Intl.Collator("en", { numeric: true });

function rankOf(resource: Resource): number {
  return RANK.get(typeOf(resource)) ?? LOOKS.size;
}

/**
 * The resources of a node that have a widget: well-known types first, in their order; the others, and those of one
 * type, by name with numbers as people count. It is all but what it tells of itself, and but what is shown
 * in another's (the progress of a download is in that of the update's state).
 */
export function shownResources(node: Node): Resource[] {
  const ranked = [...node.resources.values()].filter((resource) => isShown(resource, node)).map((resource) => ({ resource, rank: rankOf(resource) }));
  return ranked.sort((a, b) => a.rank - b.rank || byName(a.resource, b.resource)).map(({ resource }) => resource);
}

export function isShown(resource: Resource, node: Node): boolean {
  if (resource.name === "dwnld") return !node.resources.has("suit_state");
  return !isInformation(resource.name) || resource.about.writable === true;
}
