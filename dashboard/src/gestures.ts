// SPDX-License-Identifier: BSD-3-Clause

/** What a movement of fingers or of the mouse asks for: so many pixels to the side, and larger about a point. */
export interface Gesture {
  readonly panX: number;
  readonly panY: number;
  readonly factor: number;
  readonly x: number;
  readonly y: number;
}

interface Finger {
  readonly x: number;
  readonly y: number;
}

/** Fingers beyond these are not looked at. */
const MAX_FINGERS = 2;
/** Nearer fingers say nothing of a size. */
const LEAST_APART = 10;
/** Who moves less clicks. */
const LEAST_MOVE = 4;

/** Follows pointers by their ids: one pans, two pan and zoom. Pure. */
export class Fingers {
  readonly #down = new Map<number, Finger>();

  get count(): number {
    return this.#down.size;
  }

  down(id: number, x: number, y: number): void {
    if (this.#down.size < MAX_FINGERS) this.#down.set(id, { x, y });
  }

  up(id: number): void {
    this.#down.delete(id);
  }

  /** What the movement asks for; null of a pointer that is not down. */
  move(id: number, x: number, y: number): Gesture | null {
    if (!this.#down.has(id)) return null;
    const before = this.#shape();
    this.#down.set(id, { x, y });
    const after = this.#shape();
    const factor = before.apart >= LEAST_APART && after.apart >= LEAST_APART ? after.apart / before.apart : 1;
    return { panX: after.x - before.x, panY: after.y - before.y, factor, x: after.x, y: after.y };
  }

  #shape(): Finger & { readonly apart: number } {
    const [one, other] = [...this.#down.values()];
    if (one === undefined) return { x: 0, y: 0, apart: 0 };
    if (other === undefined) return { ...one, apart: 0 };
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.hypot(one.x - other.x, one.y - other.y) };
  }
}

/** How much larger one turn of a wheel makes things; a notch, of whatever unit, about a fifth. */
export function wheelFactor(event: Pick<WheelEvent, "deltaY" | "deltaMode" | "ctrlKey">): number {
  const pixels = event.deltaY * (event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1);
  // The pinch of a touchpad comes as a wheel with Ctrl, in small steps.
  return Math.exp(-Math.min(Math.max(pixels, -300), 300) * (event.ctrlKey && Math.abs(pixels) < 50 ? 0.01 : 0.002));
}

/**
 * Calls back with what the pointers on an element ask for; `takes` says which of them count. A click is none, so that what is
 * on the element can still be clicked. Returns how to stop.
 */
export function followFingers(
  element: HTMLElement,
  takes: (event: PointerEvent) => boolean,
  done: (gesture: Gesture, event: PointerEvent) => void,
): () => void {
  const fingers = new Fingers();
  let begun = false;
  let start = { x: 0, y: 0 };
  const stop = new AbortController();
  const { signal } = stop;
  const at = (event: PointerEvent): [number, number, number] => {
    const box = element.getBoundingClientRect();
    return [event.pointerId, event.clientX - box.left, event.clientY - box.top];
  };
  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0 || !takes(event)) return;
      if (fingers.count === 0) [begun, start] = [false, { x: event.clientX, y: event.clientY }];
      fingers.down(...at(event));
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      begun ||= fingers.count > 1 || Math.hypot(event.clientX - start.x, event.clientY - start.y) >= LEAST_MOVE;
      const gesture = begun ? fingers.move(...at(event)) : null;
      if (gesture === null || (gesture.panX === 0 && gesture.panY === 0 && gesture.factor === 1)) return;
      if (!element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
      done(gesture, event);
    },
    { signal },
  );
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    element.addEventListener(type, (event) => fingers.up(event.pointerId), { signal });
  }
  return () => stop.abort();
}
