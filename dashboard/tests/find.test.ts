// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, test } from "vitest";
import { arrange, choicesOf, type Kept } from "../src/find/arrange.ts";
import { fold, words } from "../src/find/fold.ts";
import { MAX_CHOSEN, MAX_TEXT, narrows, parseQuery, searchOf, toggled, widened, type Layout, type Query, type State } from "../src/find/query.ts";
import { Roster, type Source } from "../src/find/roster.ts";
import type { Node, Resource } from "../src/live/model.ts";
import { History } from "../src/live/history.ts";

const LAYOUT: Layout = { layout: "grid", group: "none", sort: "name" };
const KEPT: Kept = { pinned: new Set(), hiddenNodes: new Set() };
const NOW = 1_800_000_000_000;

function node(uid: string, said: Readonly<Record<string, unknown>> = {}, more: Partial<Node> = {}): Node {
  const resources = new Map(
    Object.entries(said).map(([name, data]): [string, Resource] => [
      name,
      { name, data, number: null, value: data, unit: null, atMs: NOW, about: {}, history: new History() },
    ]),
  );
  const none = { firstSeenMs: null, lastSeenMs: NOW, intervalMs: null, timeoutMs: null, gone: null };
  return { uid, gateway: uid.split("/", 1)[0] ?? "", protocol: "", state: "online", ...none, resources, ...more };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function source(nodes: readonly Node[], names: ReadonlyMap<string, string> = new Map(), states: Readonly<Record<string, State>> = {}): Source {
  const byUid = new Map(nodes.map((node) => [node.uid, node]));
  return {
    uids: [...byUid.keys()],
    node: (uid) => byUid.get(uid),
    names,
    state: ({ uid, lastSeenMs }) => ({ state: states[uid] ?? "online", lastMs: lastSeenMs }),
    compare: (a, b) => collator.compare(a, b),
  };
}

function entries(...given: Parameters<typeof source>): Roster["entries"] {
  const roster = new Roster();
  roster.refresh(source(...given), true);
  return roster.entries;
}

function query(more: Partial<Query> = {}): Query {
  return { ...parseQuery("", LAYOUT), ...more };
}

function found(all: Roster["entries"], more: Partial<Query>, kept: Partial<Kept> = {}): string[] {
  return arrange(all, query(more), { ...KEPT, ...kept }, NOW).groups.flatMap(({ uids }) => uids);
}

describe("a query and its link", () => {
  test.each([
    ["", {}],
    ["q=green+house", { text: "green house" }],
    ["state=late&state=gone&protocol=CoAP&gateway=coap&resource=led", { state: ["late", "gone"], protocol: ["CoAP"], gateway: ["coap"], resource: ["led"] }],
    ["hidden=1&layout=list&group=gateway&sort=heard", { hidden: true, layout: "list", group: "gateway", sort: "heard" }],
    ["protocol=a%26b%3D%23", { protocol: ["a&b=#"] }],
  ] as [string, Partial<Query>][])("%s", (search, expected) => {
    expect(parseQuery(search, LAYOUT)).toEqual(query(expected));
    expect(searchOf(parseQuery(search, LAYOUT), LAYOUT)).toBe(search);
  });

  test("what is as kept here is not said", () => {
    const kept = { layout: "list", group: "state", sort: "uid" } as const;
    expect(searchOf(query(kept), kept)).toBe("");
    expect(searchOf(query(kept), LAYOUT)).toBe("layout=list&group=state&sort=uid");
    expect(parseQuery("sort=name", kept).sort).toBe("name");
  });

  test("what makes no sense is not there", () => {
    expect(parseQuery("layout=cube&sort=__proto__&group=&state=alive&protocol=&hidden=yes&q=%E0%A4%A", LAYOUT)).toMatchObject({ ...LAYOUT, state: [], protocol: [], hidden: false });
    expect(parseQuery(`q=${"x".repeat(5000)}`, LAYOUT).text).toHaveLength(MAX_TEXT);
    expect(parseQuery(Array.from({ length: 500 }, (_, i) => `gateway=${String(i)}`).join("&"), LAYOUT).gateway).toHaveLength(MAX_CHOSEN);
  });

  test("choices are made and taken back", () => {
    const late = toggled(query(), "state", "late");
    expect(late.state).toEqual(["late"]);
    expect([narrows(query()), narrows(late), narrows(query({ text: "  " })), narrows(query({ text: "a" }))]).toEqual([false, true, false, true]);
    expect(toggled(late, "state", "late")).toEqual(query());
    expect(widened({ ...late, text: "x", sort: "uid", hidden: true })).toEqual(query({ sort: "uid", hidden: true }));
  });
});

describe("searching", () => {
  test.each([
    ["Élevage", "elevage"],
    ["HÊTRE ﬁn", "hetre fin"],
    ["Straße ①", "straße 1"],
    ["Å", "a"],
  ])("%s folds to %s", (text, folded) => expect(fold(text)).toBe(folded));

  test("a search has few words", () => expect(words(" a  b\tc ".repeat(100))).toHaveLength(8));

  const all = entries(
    [
      node("coap/1", { name: "Étable nord", board: "samr21-xpro", temperature: 1 }),
      node("mqtt/barn", { name: "Cellar", ip: "10.0.0.7", "soil/moisture": 2 }),
      node("ws/x", { led: "0" }),
    ],
    new Map([["ws/x", "My lamp"]]),
  );
  test.each([
    ["etable", ["coap/1"]],
    ["NORD étab", ["coap/1"]],
    ["samr", ["coap/1"]],
    ["10.0.0", ["mqtt/barn"]],
    ["moisture", ["mqtt/barn"]],
    ["mqtt/", ["mqtt/barn"]],
    ["lamp", ["ws/x"]],
    ["lamp nord", []],
    ["", ["mqtt/barn", "coap/1", "ws/x"]],
  ])("%s", (text, uids) => expect(found(all, { text })).toEqual(uids));
});

describe("arranging", () => {
  const late = { lastSeenMs: NOW - 300_000 };
  const all = entries(
    [
      node("coap/2", { name: "node 10", protocol: "CoAP", led: "1" }, late),
      node("coap/1", { name: "Node 9", protocol: "CoAP" }),
      node("mqtt/1", { name: "été", protocol: "MQTT" }, { lastSeenMs: NOW - 400_000 }),
      node("ws/1", { name: "Eve" }, { lastSeenMs: null }),
      node("ws/0", {}, { lastSeenMs: NOW - 2000 }),
    ],
    new Map(),
    { "coap/2": "late", "mqtt/1": "gone", "ws/1": "unreachable" },
  );

  test("by name as people read, then uid", () => expect(found(all, {})).toEqual(["ws/0", "mqtt/1", "ws/1", "coap/1", "coap/2"]));
  test("by uid", () => expect(found(all, { sort: "uid" })).toEqual(["coap/1", "coap/2", "mqtt/1", "ws/0", "ws/1"]));
  test("by state: trouble first", () => expect(found(all, { sort: "state" })).toEqual(["coap/2", "ws/1", "mqtt/1", "ws/0", "coap/1"]));
  test("last heard: what was heard just now stays in the order of names", () =>
    expect(found(all, { sort: "heard" })).toEqual(["ws/0", "coap/1", "coap/2", "mqtt/1", "ws/1"]));
  test("pinned first, hidden out", () => {
    expect(found(all, {}, { pinned: new Set(["coap/2", "ws/1"]), hiddenNodes: new Set(["ws/0"]) })).toEqual(["ws/1", "coap/2", "mqtt/1", "coap/1"]);
    expect(found(all, { hidden: true }, { hiddenNodes: new Set(["ws/0"]) })).toContain("ws/0");
    const arranged = arrange(all, query(), { ...KEPT, hiddenNodes: new Set(["ws/0", "nobody"]) }, NOW);
    expect([arranged.shown, arranged.hidden, arranged.states]).toEqual([4, 1, { online: 1, late: 1, unreachable: 1, gone: 1 }]);
  });
  test("filters are of one facet or, of several and", () => {
    expect(found(all, { state: ["late", "gone"] })).toEqual(["mqtt/1", "coap/2"]);
    expect(found(all, { state: ["late", "gone"], protocol: ["MQTT"] })).toEqual(["mqtt/1"]);
    expect(found(all, { resource: ["led", "nothing"] })).toEqual(["coap/2"]);
    expect(arrange(all, query({ state: ["late"] }), KEPT, NOW).states).toEqual({ online: 2, late: 1, unreachable: 1, gone: 1 });
  });
  test("grouped; what has no protocol is last", () => {
    const groups = (group: Query["group"]): unknown => arrange(all, query({ group }), KEPT, NOW).groups.map(({ key, uids }) => [key, uids.length]);
    expect(groups("protocol")).toEqual([["CoAP", 2], ["MQTT", 1], ["", 2]]);
    expect(groups("gateway")).toEqual([["coap", 2], ["mqtt", 1], ["ws", 2]]);
    expect(groups("state")).toEqual([["late", 1], ["unreachable", 1], ["gone", 1], ["online", 2]]);
    expect(arrange([], query({ group: "state" }), KEPT, NOW).groups).toEqual([]);
  });
  test("choices count what they would find", () => {
    expect(choicesOf("protocol", all, query(), KEPT)).toEqual([["CoAP", 2], ["MQTT", 1]]);
    expect(choicesOf("protocol", all, query({ protocol: ["XMPP"], state: ["gone"] }), KEPT)).toEqual([["MQTT", 1], ["XMPP", 0]]);
    expect(choicesOf("resource", all, query(), KEPT)).toContainEqual(["led", 1]);
    expect(choicesOf("gateway", all, query(), { ...KEPT, hiddenNodes: new Set(["ws/0", "ws/1"]) })).toEqual([["coap", 2], ["mqtt", 1]]);
  });
});

describe("the roster", () => {
  test("is another one only when what matters changed", () => {
    const roster = new Roster();
    const [a, b] = [node("coap/1", { name: "A", temperature: 1 }), node("coap/2", { name: "B" })];
    expect(roster.refresh(source([a, b]), true)).toBe(true);
    const before = roster.entries;
    expect(roster.refresh(source([node("coap/1", { name: "A", temperature: 2 }), b]), true)).toBe(false);
    expect(roster.entries).toBe(before);
    expect(roster.refresh(source([node("coap/1", { name: "Z", temperature: 2 }), b]), true)).toBe(true);
    expect(roster.entries.map(({ name }) => name)).toEqual(["B", "Z"]);
    expect(roster.refresh(source([node("coap/1", { name: "Z", led: "0" }), b]), true)).toBe(true);
    expect(roster.entries[1]?.resources).toEqual(["name", "led"]);
    expect(roster.refresh(source([b]), true)).toBe(true);
    expect(roster.entries.map(({ uid }) => uid)).toEqual(["coap/2"]);
    expect(roster.refresh(source([b], new Map([["coap/2", "Mine"]])), true)).toBe(true);
    expect(roster.entries[0]?.name).toBe("Mine");
  });

  test("states wait until they are asked for", () => {
    const roster = new Roster();
    const a = node("coap/1", { name: "A" });
    roster.refresh(source([a]), true);
    expect(roster.refresh(source([a], new Map(), { "coap/1": "late" }), false)).toBe(false);
    expect(roster.refresh(source([a], new Map(), { "coap/1": "late" }), true)).toBe(true);
    expect(roster.entries[0]?.state).toBe("late");
  });

  test("newcomers are put where they belong", () => {
    const roster = new Roster();
    const nodes = Array.from({ length: 300 }, (_, index) => node(`coap/${String(index)}`, { name: `Node ${String((index * 7919) % 300)}` }));
    for (const count of [1, 7, 120, 300]) roster.refresh(source(nodes.slice(0, count)), true);
    expect(roster.entries.map(({ name }) => name)).toEqual(Array.from({ length: 300 }, (_, index) => `Node ${String(index)}`));
  });
});
