// SPDX-License-Identifier: BSD-3-Clause
import type { About } from "../live/model.ts";
import { MAX_CHOICES } from "../live/resource.ts";

export type Choice = string | number | boolean;

/** A range that a number is set in. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly step: number | null;
}

/** The choices a resource has, each once; none when nothing usable was said. */
export function choicesOf(about: About): readonly Choice[] {
  if (!Array.isArray(about.choices)) return [];
  const usable = about.choices.filter(isChoice);
  return [...new Map(usable.map((choice) => [`${typeof choice} ${String(choice)}`, choice])).values()].slice(0, MAX_CHOICES);
}

/** The bounds that make sense, each alone; both are void when the smallest is above the largest. */
export function boundsOf(about: About): { readonly min: number | null; readonly max: number | null } {
  const [min, max] = [finite(about.min), finite(about.max)];
  return min !== null && max !== null && min > max ? { min: null, max: null } : { min, max };
}

/** The range a slider can have; null when there is none. */
export function rangeOf(about: About): Range | null {
  const { min, max } = boundsOf(about);
  if (min === null || max === null || min >= max || !Number.isFinite(max - min)) return null;
  const step = stepOf(about);
  return { min, max, step: step !== null && step <= max - min ? step : null };
}

export function stepOf(about: About): number | null {
  const step = finite(about.step);
  return step !== null && step > 0 ? step : null;
}

/** Why a number cannot be set: a word for the catalogue, or null when it can. Steps count from the smallest value. */
export function wrongNumber(value: number, about: About): "tooSmall" | "tooLarge" | "offStep" | null {
  const { min, max } = boundsOf(about);
  if (min !== null && value < min) return "tooSmall";
  if (max !== null && value > max) return "tooLarge";
  const step = stepOf(about);
  if (step === null) return null;
  const steps = (value - (min ?? 0)) / step;
  return Math.abs(steps - Math.round(steps)) > 1e-6 * Math.max(1, Math.abs(steps)) ? "offStep" : null;
}

/** Where a slider steps: as said, or in a round hundredth of the range. */
export function sliderStep({ min, max, step }: Range): number {
  if (step !== null) return step;
  return 10 ** Math.floor(Math.log10((max - min) / 100));
}

function isChoice(choice: unknown): choice is Choice {
  return typeof choice === "string" || typeof choice === "boolean" || (typeof choice === "number" && Number.isFinite(choice));
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
