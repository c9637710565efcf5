// SPDX-License-Identifier: BSD-3-Clause

/** A stretch of time, in Unix seconds, as charts have it. */
export interface Stretch {
  readonly fromS: number;
  readonly toS: number;
}

/**
 * What part of the past the charts of a page show. Either they follow the present, with the newest `spanS` (null: all
 * that is kept; "fitting": all of it until that is ten minutes, so that nobody first sees an empty chart), or they stand
 * still at `held`, where somebody looks at a moment of the past; values are kept meanwhile.
 */
export interface ChartWindow {
  readonly spanS: number | null | "fitting";
  readonly held: Stretch | null;
}

/** What people do to it. `zoom` with a factor below 1 shows less time, `pan` with a positive one goes to the present. */
export type WindowAction =
  | { readonly type: "range"; readonly spanS: number | null }
  | { readonly type: "zoom"; readonly factor: number; readonly atS: number }
  | { readonly type: "pan"; readonly byS: number }
  | { readonly type: "select"; readonly stretch: Stretch }
  | { readonly type: "pause" }
  | { readonly type: "follow" }
  | { readonly type: "reset" };

/** Ranges that can be chosen, in seconds; null is all that is kept. */
export const RANGES_S = [60, 600, 3600, null] as const;
const FIRST_RANGE_S = 600;
/** Less than this is not shown, so that a zoom never ends in nothing; nor is "all" of a device that has just come. */
const SHORTEST_S = 1;
const SHORTEST_ALL_S = 60;
/** Who comes so near to the present with the right edge follows it again (part of what is shown). */
const SNAP = 0.01;

export const FIRST_WINDOW: ChartWindow = { spanS: "fitting", held: null };

/** Which of the ranges a window has that follows the present, of values that are kept over `all`. Pure. */
export function rangeOf({ spanS }: ChartWindow, all: Stretch): number | null {
  if (spanS !== "fitting") return spanS;
  return all.toS - all.fromS < FIRST_RANGE_S ? null : FIRST_RANGE_S;
}

/** What is shown, of values that are kept from `all.fromS`, at the moment `all.toS`. */
export function shownStretch(window: ChartWindow, all: Stretch): Stretch {
  if (window.held !== null) return window.held;
  const spanS = rangeOf(window, all) ?? Math.max(all.toS - all.fromS, SHORTEST_ALL_S);
  return { fromS: all.toS - spanS, toS: all.toS };
}

/** The window after an action. Pure; nothing shows the future, or more than a screenful before what is kept. */
export function windowAfter(window: ChartWindow, action: WindowAction, all: Stretch): ChartWindow {
  const shown = shownStretch(window, all);
  const spanS = shown.toS - shown.fromS;
  switch (action.type) {
    case "range":
      return { spanS: action.spanS, held: null };
    case "zoom": {
      if (!(action.factor > 0) || !Number.isFinite(action.factor)) return window;
      const atS = Math.min(Math.max(action.atS, shown.fromS), shown.toS);
      const longestS = Math.max(all.toS - all.fromS, SHORTEST_ALL_S, rangeOf(window, all) ?? 0);
      const newS = Math.min(Math.max(spanS * action.factor, SHORTEST_S), Math.max(longestS, spanS));
      const fromS = atS - (atS - shown.fromS) * (newS / spanS);
      // Who follows the present goes on following it when the zoom is about the present.
      if (window.held === null && shown.toS - atS <= spanS * SNAP) return { spanS: newS, held: null };
      return settled(fromS, newS, all);
    }
    case "pan":
      return Number.isFinite(action.byS) ? settled(shown.fromS + action.byS, spanS, all) : window;
    case "select": {
      const [fromS, toS] = [Math.min(action.stretch.fromS, action.stretch.toS), Math.max(action.stretch.fromS, action.stretch.toS)];
      return toS - fromS > 0 ? settled(fromS, Math.max(toS - fromS, SHORTEST_S), all, 0) : window;
    }
    case "pause":
      return { spanS: window.spanS, held: shown };
    case "follow":
      return { spanS: window.held === null ? window.spanS : spanS, held: null };
    case "reset":
      return FIRST_WINDOW;
  }
}

/** A window of that place and length, within what there is; one whose right edge is the present follows it. */
function settled(fromS: number, spanS: number, all: Stretch, snap = SNAP): ChartWindow {
  if (fromS + spanS >= all.toS - spanS * snap) return { spanS, held: null };
  const earliestS = Math.min(all.fromS - spanS / 2, all.toS - spanS);
  const from = Math.max(fromS, earliestS);
  return { spanS, held: { fromS: from, toS: from + spanS } };
}
