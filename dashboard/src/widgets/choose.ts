// SPDX-License-Identifier: BSD-3-Clause
import type { Node, Resource } from "../live/model.ts";
import { choicesOf } from "./about.ts";
import { isInformation, isSwitched, typeOf } from "./kinds.ts";
import { switchStateOf } from "./payload.ts";
import { isCommand } from "./robot/commands.ts";
import { structureOf } from "./structure.ts";

export type WidgetKind =
  | "number"
  | "switch"
  | "choice"
  | "text"
  | "json"
  | "robot"
  | "joystick"
  | "imu"
  | "position"
  | "webcam"
  | "script"
  | "firmware"
  | "information";

const PICTURE = /^https?:\/\/[^\s?#]+\.(?:jpe?g|png|gif|webp|avif|mjpe?g)(?:[?#]\S*)?$/i;
const ADDRESS = /^https?:\/\/\S+$/i;

/**
 * Which widget shows a resource: by what is said of it, else by the shape of its value. Names are hints, where a shape
 * means many things. The same resource with other values of the same shape stays with the same widget. Pure.
 */
export function choose(resource: Resource, node: Node): WidgetKind {
  const { name, about } = resource;
  if (isInformation(name) && about.writable !== true) return "information";
  const choices = choicesOf(about);
  const type = typeOf(resource);
  // A robot that says which commands it takes has a pad of those.
  if (type === "robot" && about.writable !== false && choices.length > 0 && choices.every(isCommand)) return "robot";
  if (choices.length > 0) return choices.length === 2 && areOnAndOff(choices) ? "switch" : "choice";
  if (name === "suit_state" || (name === "dwnld" && node.resources.has("suit_state"))) return "firmware";
  const value = structureOf(resource);
  if (typeof value === "object" && value !== null) return structured(value);
  if (resource.number !== null) return isSwitch(resource) ? "switch" : "number";
  if (typeof value === "boolean") return "switch";
  if (typeof value !== "string") return type === "led" ? "switch" : "text";
  if (PICTURE.test(value) || (type === "webcam" && ADDRESS.test(value))) return "webcam";
  if (about.writable !== false) {
    if (type === "robot") return "robot";
    if (type === "ribot") return "joystick";
    if (type === "js") return "script";
  }
  // A led that says neither is a switch whose state is unknown.
  return type === "led" || switchStateOf(value) !== null ? "switch" : "text";
}

function structured(value: object): WidgetKind {
  if (Array.isArray(value)) return isMotion(value) ? "imu" : "json";
  return isPlace(value as Readonly<Record<string, unknown>>) ? "position" : "json";
}

/** `[{"type": "acc" | "gyro" | "mag", "values": [x, y, z]}]` */
function isMotion(items: readonly unknown[]): boolean {
  return items.some((item) => {
    if (typeof item !== "object" || item === null) return false;
    const { type, values } = item as Readonly<Record<string, unknown>>;
    return (type === "acc" || type === "gyro" || type === "mag") && Array.isArray(values);
  });
}

/** `{"lat", "lng"}`, as numbers or texts; other spellings of the longitude, too. */
function isPlace(value: Readonly<Record<string, unknown>>): boolean {
  const has = (key: string, most: number): boolean => {
    if (!Object.hasOwn(value, key) || value[key] === "" || value[key] === null) return false;
    const degrees = Number(value[key]);
    return Number.isFinite(degrees) && Math.abs(degrees) <= most;
  };
  return has("lat", 90) && ["lng", "lon", "long"].some((key) => has(key, 180));
}

function isSwitch(resource: Resource): boolean {
  if (resource.number !== 0 && resource.number !== 1) return false;
  const { min, max, step } = resource.about;
  if (min !== undefined || max !== undefined) return min === 0 && max === 1 && (step === undefined || step === 1);
  return resource.unit === null && (isSwitched(resource) || resource.about.rt === "oic.r.switch.binary");
}

function areOnAndOff(choices: readonly unknown[]): boolean {
  const states = choices.map(switchStateOf);
  return states.includes(true) && states.includes(false);
}
