// SPDX-License-Identifier: BSD-3-Clause
import { GROUPS, LAYOUTS, SORTS } from "./find/query.ts";

/** What somebody chose in this browser, kept over reloads: one localStorage entry, `pyaiot.prefs`. */
const KEY = "pyaiot.prefs";
/** Of names, pins and hidden things of each kind: the newest are kept. */
const MAX_KEPT = 5_000;

const CHOICES = { language: ["system", "en", "fr"], size: ["usual", "large"], layout: LAYOUTS, group: GROUPS, sort: SORTS } as const;

type Choices = { -readonly [Name in keyof typeof CHOICES]: (typeof CHOICES)[Name][number] };

class Preferences implements Choices {
  language = $state<Choices["language"]>("system");
  /** How large everything is: large is for a screen that is read from afar. */
  size = $state<Choices["size"]>("usual");
  layout = $state<Choices["layout"]>("grid");
  group = $state<Choices["group"]>("none");
  sort = $state<Choices["sort"]>("name");
  /** Whether the tiles of the camera and of the map are shown. */
  camera = $state(true);
  map = $state(true);
  /** Whether single keys do something (WCAG 2.1.4: who speaks to the computer wants them off). */
  shortcuts = $state(true);
  /** The camera's address, where another was given here; empty: the server's. */
  cameraUrl = $state("");
  /** What is called otherwise in this browser, by uid. */
  names = $state.raw<ReadonlyMap<string, string>>(new Map());
  pinned = $state.raw<ReadonlySet<string>>(new Set());
  hiddenNodes = $state.raw<ReadonlySet<string>>(new Set());
  hiddenResources = $state.raw<ReadonlySet<string>>(new Set());

  constructor() {
    this.#read(stored());
  }

  /** Follows the other tabs: each writes all of it, so that what was chosen in another must be known, or the next choice undoes it. */
  follow(): void {
    addEventListener("storage", ({ key }) => {
      if (key === KEY || key === null) this.#read(stored());
    });
  }

  /** Gives a node another name in this browser; empty: its own again. */
  rename(uid: string, name: string): void {
    const others = [...this.names].filter(([other]) => other !== uid);
    const given = name.trim();
    this.names = new Map(given === "" ? others : [...others, [uid, given] as const].slice(-MAX_KEPT));
    this.save();
  }

  pin(uid: string, pinned: boolean): void {
    this.pinned = changed(this.pinned, uid, pinned);
    this.save();
  }

  hideNode(uid: string, hidden: boolean): void {
    this.hiddenNodes = changed(this.hiddenNodes, uid, hidden);
    this.save();
  }

  hideResource(name: string, hidden: boolean): void {
    this.hiddenResources = changed(this.hiddenResources, name, hidden);
    this.save();
  }

  /** Keeps everything; after a plain member was set, too. */
  save(): void {
    const { language, size, layout, group, sort, camera, map, shortcuts, cameraUrl } = this;
    const kept = { language, size, layout, group, sort, camera, map, shortcuts, cameraUrl };
    const sets = { names: [...this.names], pinned: [...this.pinned], hiddenNodes: [...this.hiddenNodes], hiddenResources: [...this.hiddenResources] };
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...kept, ...sets }));
    } catch {
      // Kept for this page only.
    }
  }

  /** Takes what can be used of what was kept; anybody may have written it. */
  #read(kept: Readonly<Record<string, unknown>>): void {
    this.language = chosen(CHOICES.language, kept["language"]);
    this.size = chosen(CHOICES.size, kept["size"]);
    this.layout = chosen(CHOICES.layout, kept["layout"]);
    this.group = chosen(CHOICES.group, kept["group"]);
    this.sort = chosen(CHOICES.sort, kept["sort"]);
    this.camera = kept["camera"] !== false;
    this.map = kept["map"] !== false;
    this.shortcuts = kept["shortcuts"] !== false;
    this.cameraUrl = typeof kept["cameraUrl"] === "string" ? kept["cameraUrl"] : "";
    const pairs = Array.isArray(kept["names"]) ? kept["names"] : [];
    this.names = new Map(pairs.filter((pair): pair is [string, string] => Array.isArray(pair) && pair.length === 2 && pair.every(isText)));
    this.pinned = texts(kept["pinned"]);
    this.hiddenNodes = texts(kept["hiddenNodes"]);
    this.hiddenResources = texts(kept["hiddenResources"]);
  }
}

function changed(set: ReadonlySet<string>, item: string, isIn: boolean): ReadonlySet<string> {
  const items = [...set].filter((other) => other !== item);
  return new Set(isIn ? [...items, item].slice(-MAX_KEPT) : items);
}

function chosen<Choice extends string>(choices: readonly [Choice, ...Choice[]], kept: unknown): Choice {
  return choices.find((choice) => choice === kept) ?? choices[0];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function texts(kept: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(kept) ? kept.filter(isText) : []);
}

function stored(): Readonly<Record<string, unknown>> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const prefs = new Preferences();
