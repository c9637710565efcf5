// SPDX-License-Identifier: BSD-3-Clause

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Between a panel and its button, and at least between it and the edge of the window. */
const GAP = 6;

/** Where a panel goes: below its button, or above where there is more room; never over the window's edge. Pure. */
export function place(button: Box, panel: Size, window: Size): { left: number; top: number; maxHeight: number } {
  const below = window.height - button.bottom - 2 * GAP;
  const above = button.top - 2 * GAP;
  const isBelow = panel.height <= below || below >= above;
  const maxHeight = Math.max(isBelow ? below : above, 0);
  const top = isBelow ? button.bottom + GAP : button.top - GAP - Math.min(panel.height, maxHeight);
  // Its left edge at the button's, unless its right edge fits better there.
  const wanted = button.left + panel.width <= window.width - GAP ? button.left : button.right - panel.width;
  return { left: Math.max(GAP, Math.min(wanted, window.width - GAP - panel.width)), top, maxHeight };
}
