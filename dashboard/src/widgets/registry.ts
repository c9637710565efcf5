// SPDX-License-Identifier: BSD-3-Clause
import type { Component } from "svelte";
import ChoiceWidget from "./ChoiceWidget.svelte";
import type { WidgetKind } from "./choose.ts";
import Firmware from "./Firmware.svelte";
import Information from "./Information.svelte";
import JsonWidget from "./JsonWidget.svelte";
import NumberWidget from "./NumberWidget.svelte";
import type { WidgetProps } from "./props.ts";
import SwitchWidget from "./SwitchWidget.svelte";
import TextWidget from "./TextWidget.svelte";

export type WidgetComponent = Component<WidgetProps>;
type Chunk = () => Promise<{ readonly default: WidgetComponent }>;

/** What is part of the first load of the page. */
const HERE: Readonly<Partial<Record<WidgetKind, WidgetComponent>>> = {
  number: NumberWidget,
  switch: SwitchWidget,
  choice: ChoiceWidget,
  text: TextWidget,
  json: JsonWidget,
  firmware: Firmware,
  information: Information,
};

/** What is loaded when the first of its kind is seen. */
const LATER: Readonly<Partial<Record<WidgetKind, Chunk>>> = {
  robot: () => import("./robot/Robot.svelte"),
  joystick: () => import("./joystick/Joystick.svelte"),
  imu: () => import("./imu/Imu.svelte"),
  webcam: () => import("./webcam/Webcam.svelte"),
  script: () => import("./script/Script.svelte"),
  position: () => import("../map/Position.svelte"),
};

const loaded = new Map<WidgetKind, WidgetComponent>();

/** The component of a kind, if it is on the page already. */
export function widgetOf(kind: WidgetKind): WidgetComponent | null {
  return HERE[kind] ?? loaded.get(kind) ?? null;
}

/** Loads the component of a kind; rejects when it cannot be had, and may be tried again. */
export async function loadWidget(kind: WidgetKind): Promise<WidgetComponent> {
  const here = widgetOf(kind);
  if (here !== null) return here;
  const component = (await LATER[kind]?.())?.default ?? JsonWidget;
  loaded.set(kind, component);
  return component;
}
