// SPDX-License-Identifier: BSD-3-Clause

/** The present value of a colour of app.css, as `rgb(…)`: a canvas knows no variables. */
export function colourOf(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(--${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = before;
  return colour;
}

/** The parts of `rgb(…)` from 0 to 1; grey for anything else. Pure. */
export function partsOf(colour: string): [number, number, number] {
  const found = /^rgba?\((\d+),\s*(\d+),\s*(\d+)/.exec(colour);
  return found === null ? [0.5, 0.5, 0.5] : [Number(found[1]) / 255, Number(found[2]) / 255, Number(found[3]) / 255];
}
