// SPDX-License-Identifier: BSD-3-Clause
import { numberOf } from "../live/resource.ts";
import type { Choice } from "./about.ts";

const STATES = new Map([
  ["1", true],
  ["true", true],
  ["on", true],
  ["0", false],
  ["false", false],
  ["off", false],
]);

const PAIRS = [
  ["1", "0"],
  ["true", "false"],
  ["True", "False"],
  ["TRUE", "FALSE"],
  ["on", "off"],
  ["On", "Off"],
  ["ON", "OFF"],
] as const;

const LONGEST_STATE = 16;

/** Whether something says on or off; null when it says neither. */
export function switchStateOf(data: unknown): boolean | null {
  if (typeof data === "boolean") return data;
  if (data === 0 || data === 1) return data === 1;
  if (typeof data !== "string" || data.length > LONGEST_STATE) return null;
  return STATES.get(data.trim().toLowerCase()) ?? null;
}

/** On or off in the words the device uses itself: of the choices it gives, or as in what it said last; else `1` and `0`. */
export function switchData(on: boolean, data: unknown, choices: readonly Choice[]): unknown {
  const choice = choices.find((one) => switchStateOf(one) === on);
  if (choice !== undefined) return choice;
  if (typeof data === "boolean") return on;
  if (typeof data === "number") return on ? 1 : 0;
  const said = typeof data === "string" ? data.trim() : "";
  const [yes, no] = PAIRS.find((pair) => pair.some((word) => word === said)) ?? PAIRS[0];
  return on ? yes : no;
}

/** A number as the device writes numbers: text where it said text, as over CoAP. */
export function numberData(value: number, data: unknown): string | number {
  return typeof data === "string" ? String(value) : value;
}

/** A choice as the device says it; a number or a truth is said as text by who says text. */
export function choiceData(choice: Choice, data: unknown): Choice {
  return typeof data === "string" ? String(choice) : choice;
}

/** Whether a device that says `data` means this choice. */
export function isChosen(choice: Choice, data: unknown, number: number | null): boolean {
  return choice === data || (typeof choice === "number" ? choice === number : String(choice) === String(data));
}

/** What somebody wrote, as a number; a comma is a point. Null when it is none. */
export function writtenNumber(text: string): number | null {
  const plain = text.trim().replace(/[\s\u00a0\u202f]/g, "").replace("\u2212", "-").replace(",", ".");
  return numberOf(plain);
}

/** JSON somebody wrote, as data: text where the device says JSON as text. Undefined when it is no JSON. */
export function writtenJson(text: string, data: unknown): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof data === "string" ? text : value;
  } catch {
    return undefined;
  }
}

/** Of the JSON that data is written in: the broker takes messages of 16,384 bytes, and there is more in them than data. */
export const MAX_DATA_BYTES = 15_000;

export function dataBytes(data: unknown): number {
  return new TextEncoder().encode(JSON.stringify(data) ?? "").length;
}
