// SPDX-License-Identifier: BSD-3-Clause
import { language, type Language } from "../i18n/language.svelte.ts";
import type { Position } from "./mercator.ts";
import { t } from "./strings.ts";

/** Five digits are a metre: more say nothing of a place. */
const DIGITS = 5;

/** A place as people read it: `Lat: 48.71464° – Lng: 2.20565°`. */
export function latLngText({ lat, lng }: Position, tag: Language = language.current): string {
  const number = (value: number): string =>
    new Intl.NumberFormat(tag, { maximumFractionDigits: DIGITS }).format(value).replace("-", "−");
  return t("latLng", { lat: number(lat), lng: number(lng) });
}
