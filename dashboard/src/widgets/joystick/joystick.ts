// SPDX-License-Identifier: BSD-3-Clause

/** Where the stick is: x to the right, y downwards, in a circle of radius 1. */
export interface Deflection {
  readonly x: number;
  readonly y: number;
}

export const CENTRE: Deflection = { x: 0, y: 0 };

/** Where the knob can go, of half the width of the pad: the rest is rim. */
export const TRAVEL = 0.6;

const ARROWS = new Map<string, Deflection>([
  ["ArrowUp", { x: 0, y: -1 }],
  ["ArrowDown", { x: 0, y: 1 }],
  ["ArrowLeft", { x: -1, y: 0 }],
  ["ArrowRight", { x: 1, y: 0 }],
]);

/** The stick under a pointer at (x, y) of a pad `width` wide and `height` high; never outside of the circle. */
export function deflectionAt(x: number, y: number, width: number, height: number): Deflection {
  const reach = (Math.min(width, height) / 2) * TRAVEL;
  if (!(reach > 0)) return CENTRE;
  return inCircle({ x: (x - width / 2) / reach, y: (y - height / 2) / reach });
}

export function isArrow(key: string): boolean {
  return ARROWS.has(key);
}

/** The stick that held arrows push: all the way, also aslant; opposite ones cancel. */
export function deflectionOfKeys(held: ReadonlySet<string>): Deflection {
  let [x, y] = [0, 0];
  for (const key of held) {
    const push = ARROWS.get(key) ?? CENTRE;
    [x, y] = [x + push.x, y + push.y];
  }
  return inCircle({ x, y });
}

function inCircle({ x, y }: Deflection): Deflection {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return CENTRE;
  const length = Math.hypot(x, y);
  return length <= 1 ? { x, y } : { x: x / length, y: y / length };
}
