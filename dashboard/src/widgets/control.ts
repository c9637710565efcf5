// SPDX-License-Identifier: BSD-3-Clause
import type { Resource } from "../live/model.ts";
import type { WidgetKind } from "./choose.ts";
import { isMeasured, isSwitched } from "./kinds.ts";

/** `shown`: it can be set; `offered`: nobody said, so one may try; `none`: it cannot. */
export type Control = "none" | "offered" | "shown";
export type Input = "number" | "switch" | "choice" | "text" | "json";

const INPUTS: Readonly<Partial<Record<WidgetKind, Input>>> = { number: "number", switch: "switch", choice: "choice", text: "text", json: "json" };

/** The input that a resource of that kind is set with; null for those whose widget is their control, or that are not set. */
export function inputOf(kind: WidgetKind): Input | null {
  return INPUTS[kind] ?? null;
}

/** Whether the frame offers to set a resource. What is measured is not, unless its device says that it is. Pure. */
export function controlOf(resource: Resource, kind: WidgetKind): Control {
  if (inputOf(kind) === null || resource.about.writable === false) return "none";
  if (resource.about.writable === true) return "shown";
  if (isMeasured(resource)) return "none";
  return kind === "switch" && isSwitched(resource) ? "shown" : "offered";
}
