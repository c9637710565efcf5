// SPDX-License-Identifier: BSD-3-Clause

/** Where the keyboard is among the devices, in terms that outlive the elements. */
export interface FocusPlace {
  readonly element: HTMLElement;
  readonly uid: string;
  /** The devices on the page, in their order: when this one goes, its neighbour is next. */
  readonly index: number;
  /** The resource, where it is in one's widget, and which of the controls there. */
  readonly resource: string | null;
  readonly control: number;
  /** What is written and not sent yet. */
  readonly text: string | null;
}

const CONTROLS = "a[href], button, input, textarea, select, [tabindex='0']";
const DEVICES = "[data-uid]";

/** The place of what has the focus; null when that is nothing of a device. */
export function focusPlaceIn(root: HTMLElement): FocusPlace | null {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || !root.contains(element)) return null;
  const device = element.closest<HTMLElement>(DEVICES);
  if (device === null) return null;
  const scope = element.closest<HTMLElement>("[data-resource]");
  return {
    element,
    uid: device.dataset["uid"] ?? "",
    index: [...root.querySelectorAll(DEVICES)].indexOf(device),
    resource: scope?.dataset["resource"] ?? null,
    control: [...(scope ?? device).querySelectorAll(CONTROLS)].indexOf(element),
    text: isField(element) && element.value !== element.defaultValue ? element.value : null,
  };
}

/**
 * Puts the focus back where it was, when it was lost because elements were made anew or moved; true when it is somewhere.
 * With `isStill` the device is shown still, though its card may not have been made yet; else its neighbour has the focus.
 */
export function restoreFocus(root: HTMLElement, place: FocusPlace, isStill: boolean): boolean {
  if (document.activeElement !== document.body) return true;
  if (place.element.isConnected) {
    place.element.focus({ preventScroll: true });
    return document.activeElement === place.element;
  }
  const devices = [...root.querySelectorAll<HTMLElement>(DEVICES)];
  const same = devices.find((each) => each.dataset["uid"] === place.uid);
  const device = same ?? (isStill ? undefined : devices[Math.min(place.index, devices.length - 1)]);
  if (device === undefined) return false;
  const scopes = [...device.querySelectorAll<HTMLElement>("[data-resource]")];
  const scope = same === undefined ? undefined : place.resource === null ? device : scopes.find((each) => each.dataset["resource"] === place.resource);
  const control = scope?.querySelectorAll<HTMLElement>(CONTROLS)[place.control] ?? device.querySelector<HTMLElement>("a[href]");
  control?.focus({ preventScroll: true });
  if (place.text !== null && scope !== undefined && control !== null && control !== undefined && isField(control) && control.tagName === place.element.tagName) {
    control.value = place.text;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return document.activeElement === control;
}

function isField(element: Element): element is HTMLInputElement | HTMLTextAreaElement {
  return element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && ["text", "number"].includes(element.type));
}
