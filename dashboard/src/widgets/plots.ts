// SPDX-License-Identifier: BSD-3-Clause
import type uPlot from "uplot";

/** Where nothing is known of a resource, a chart shows at least this part of its values. */
const FLAT = 0.01;
const SMALLEST = 1e-9;

/** Of a chart, in CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Gives a chart the size that its frame has, as long as it is there; the returned function removes it. */
export function framed(plot: uPlot, frame: HTMLElement, size: () => Size): () => void {
  const observer = new ResizeObserver(() => plot.setSize(size()));
  observer.observe(frame);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

/** The newest of some times, however few there are, is at the right edge; all in seconds. Pure. */
export function recent(times: ArrayLike<number>, shortestS: number, longestS: number): [number, number] {
  const [first, last] = [times[0] ?? 0, times[times.length - 1] ?? 0];
  return [last - Math.min(Math.max(last - first, shortestS), longestS), last];
}

/** The least that a chart of values up to `high` spans: `span`, where that is known. Pure. */
export function leastSpan(span: number, high: number): number {
  return span || Math.max(Math.abs(high) * FLAT, SMALLEST);
}

/** Values with `share` of room around; small changes look small, and a flat line stays in the middle. Pure. */
export function withRoom(low: number, high: number, least: number, share: number): [number, number] {
  const room = Math.max((high - low) * share, (least - (high - low)) / 2);
  return [low - room, high + room];
}

/** The point that the cursor of a chart of one line is at; null: at none. */
export function pointAt(plot: Pick<uPlot, "cursor" | "data">): { readonly timeS: number; readonly value: number } | null {
  const index = plot.cursor.idx;
  if (index === null || index === undefined) return null;
  const [timeS, value] = [plot.data[0][index], plot.data[1]?.[index]];
  return timeS === undefined || value === undefined || value === null ? null : { timeS, value };
}

/** What is below a line of this `rgb(…)` colour: it, ever less of it. */
export function shade(plot: uPlot, colour: string, strength: number): CanvasGradient | string {
  if (plot.bbox.height === 0) return "transparent";
  const gradient = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height);
  gradient.addColorStop(0, colour.replace("rgb(", "rgba(").replace(")", `, ${String(strength)})`));
  gradient.addColorStop(1, colour.replace("rgb(", "rgba(").replace(")", ", 0)"));
  return gradient;
}
