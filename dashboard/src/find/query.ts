// SPDX-License-Identifier: BSD-3-Clause
import { STATES, type State } from "../live/liveness.ts";

/** What somebody looks for among the devices, and how what is found is laid out. */
export { STATES, type State };
export const LAYOUTS = ["grid", "list"] as const;
export const GROUPS = ["none", "state", "protocol", "gateway"] as const;
export const SORTS = ["name", "state", "heard", "uid"] as const;
/** What of a device a filter can be about. */
export const FACETS = ["state", "protocol", "gateway", "resource"] as const;

export type Facet = (typeof FACETS)[number];

export interface Layout {
  readonly layout: (typeof LAYOUTS)[number];
  readonly group: (typeof GROUPS)[number];
  readonly sort: (typeof SORTS)[number];
}

export interface Query extends Layout {
  /** Words that must all be found. */
  readonly text: string;
  /** Of each facet, what a device may be; empty: anything. */
  readonly state: readonly State[];
  readonly protocol: readonly string[];
  readonly gateway: readonly string[];
  readonly resource: readonly string[];
  /** Show what was hidden, too. */
  readonly hidden: boolean;
}

/** A link is somebody's text: of more than this, the rest is not looked at. */
export const MAX_TEXT = 200;
export const MAX_CHOSEN = 64;

/** The query of a link, `q=…&protocol=…`; what it does not say is as `kept`. Never throws. */
export function parseQuery(search: string, kept: Layout): Query {
  const given = new URLSearchParams(search);
  const texts = (name: Facet): string[] => [...new Set(given.getAll(name).slice(0, MAX_CHOSEN))].filter((text) => text !== "");
  return {
    text: (given.get("q") ?? "").slice(0, MAX_TEXT),
    state: STATES.filter((state) => texts("state").includes(state)),
    protocol: texts("protocol"),
    gateway: texts("gateway"),
    resource: texts("resource"),
    hidden: given.get("hidden") === "1",
    layout: LAYOUTS.find((layout) => layout === given.get("layout")) ?? kept.layout,
    group: GROUPS.find((group) => group === given.get("group")) ?? kept.group,
    sort: SORTS.find((sort) => sort === given.get("sort")) ?? kept.sort,
  };
}

/** The link's part of a query: only what differs from `kept`; empty when all is as ever. */
export function searchOf(query: Query, kept: Layout): string {
  const said = new URLSearchParams();
  if (query.text.trim() !== "") said.set("q", query.text);
  for (const facet of FACETS) for (const chosen of query[facet]) said.append(facet, chosen);
  if (query.hidden) said.set("hidden", "1");
  for (const name of ["layout", "group", "sort"] as const) if (query[name] !== kept[name]) said.set(name, query[name]);
  return said.toString();
}

/** The query with a choice of one facet taken back, or else made. */
export function toggled(query: Query, facet: Facet, choice: string): Query {
  const chosen: readonly string[] = query[facet];
  return { ...query, [facet]: chosen.includes(choice) ? chosen.filter((other) => other !== choice) : [...chosen, choice].slice(-MAX_CHOSEN) };
}

/** Whether anything is left out because of it. */
export function narrows(query: Query): boolean {
  return query.text.trim() !== "" || FACETS.some((facet) => query[facet].length > 0);
}

/** The query that leaves nothing out, laid out as before. */
export function widened(query: Query): Query {
  return { ...query, text: "", state: [], protocol: [], gateway: [], resource: [] };
}
