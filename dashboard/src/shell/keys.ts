// SPDX-License-Identifier: BSD-3-Clause

/** What a key on its own does, in the order in which the help tells it. */
export const KEYS = [
  ["/", "search"],
  ["o", "overview"],
  ["m", "map"],
  ["a", "add"],
  [",", "settings"],
  ["?", "help"],
] as const;

export type Action = (typeof KEYS)[number][1];

export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly repeat: boolean;
  readonly defaultPrevented: boolean;
}

/** What a press asks for; null: nothing, as all does that is typed into a field. Pure. */
export function actionOf(press: Press, typing: boolean): Action | null {
  if (typing || press.ctrlKey || press.metaKey || press.altKey || press.repeat || press.defaultPrevented) return null;
  return KEYS.find(([key]) => key === press.key.toLowerCase())?.[1] ?? null;
}

/** Whether what has the focus takes letters itself: the first on an event's path, as an editor has a tree of its own. */
export function isTyping(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select, [role=textbox], [role=slider], [role=application]"));
}
