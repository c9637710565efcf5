// SPDX-License-Identifier: BSD-3-Clause
import { History, type Bound } from "./history.ts";
import type { About, Resource } from "./model.ts";
import type { Reading } from "./news.ts";
import { Rhythm } from "./rhythm.ts";

const NOTHING_SAID: About = {};

/** A resource as just told; its history and its rhythm go on from `before`, where there is one. */
export function resourceOf(name: string, reading: Reading, about: About | undefined, before: Resource | undefined, bound?: Bound): Resource {
  const { data, value, unit, at: atMs } = reading;
  const number = numberOf(value === undefined ? data : value);
  const history = before?.history ?? new History(bound);
  if (number !== null) history.push(atMs, number);
  return {
    name,
    data,
    number,
    value,
    unit: unit === undefined || unit === "" ? null : unit,
    atMs,
    about: about ?? before?.about ?? NOTHING_SAID,
    history,
    rhythm: before === undefined ? null : rhythmOf(before, atMs),
  };
}

/** Most resources are told once and never again: theirs is made when there is a second time. */
function rhythmOf(before: Resource, atMs: number): Rhythm {
  const rhythm = before.rhythm ?? new Rhythm(before.atMs);
  rhythm.note(atMs);
  return rhythm;
}

/** The number a value is: a finite number, or a text that is nothing but one. */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

const TEXTS = ["title", "unit", "rt", "if", "ct"] as const;
const NUMBERS = ["min", "max", "step"] as const;
/** More are not offered; the broker allows no more (PROTOCOL.md, section 2.3), but who knows what told this page. */
export const MAX_CHOICES = 32;

/** What of it can be used: whoever said it may have said anything. */
export function aboutOf(said: unknown): About {
  if (typeof said !== "object" || said === null) return NOTHING_SAID;
  const told = said as Readonly<Record<string, unknown>>;
  const about: { -readonly [Name in keyof About]: About[Name] } = {};
  for (const name of TEXTS) {
    const text = told[name];
    if (typeof text === "string") about[name] = text;
  }
  for (const name of NUMBERS) {
    const number = told[name];
    if (typeof number === "number" && Number.isFinite(number)) about[name] = number;
  }
  if (typeof told["writable"] === "boolean") about.writable = told["writable"];
  if (Array.isArray(told["choices"])) {
    const choices = told["choices"].filter((each) => typeof each === "string" || typeof each === "number" || typeof each === "boolean");
    if (choices.length > 0) about.choices = choices.slice(0, MAX_CHOICES);
  }
  return about;
}
