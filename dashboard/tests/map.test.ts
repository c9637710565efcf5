// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { History } from "../src/live/history.ts";
import type { Node, Resource } from "../src/live/model.ts";
import { clustered, type Placed } from "../src/map/cluster.ts";
import { degreesText, graticuleOf, scaleBar } from "../src/map/graticule.ts";
import { MAX_LAT, metresPerPixel, project, unproject } from "../src/map/mercator.ts";
import { nodePosition, positionOf } from "../src/map/position.ts";
import { steered } from "../src/map/steering.ts";
import { tilesOf } from "../src/map/tiles.ts";
import { fitted, MAX_SCALE, panned, toScreen, toWorld, world, zoomed } from "../src/map/viewport.ts";

const SIZE = { width: 1000, height: 500 };
const SACLAY = { lat: 48.7146403, lng: 2.2056539 };

describe("a position", () => {
  it.each([
    [{ lat: 48.7, lng: 2.2 }],
    [{ lat: 48.7, lon: 2.2 }],
    [{ lat: "48.7", long: " 2.2 " }],
    [{ Latitude: 48.7, Longitude: 2.2, alt: 160 }],
    ['{"lat": 48.7, "lng": 2.2}'],
    ['{"lat": "48.7", "lng": "2.2"}'],
  ])("is read from %j", (value) => {
    expect(positionOf(value)).toEqual({ lat: 48.7, lng: 2.2 });
  });

  it.each([
    [null],
    [48.7],
    ["48.7, 2.2"],
    ["{lat: 48.7}"],
    [[48.7, 2.2]],
    [{ lat: 48.7 }],
    [{ lat: 90.1, lng: 0 }],
    [{ lat: 0, lng: -180.5 }],
    [{ lat: NaN, lng: 0 }],
    [{ lat: Infinity, lng: 0 }],
    [{ lat: "", lng: "" }],
    [{ lat: "0x10", lng: 1 }],
    [{ lat: true, lng: null }],
    [{ lat: "<b>1</b>", lng: 1 }],
    [`{"lat": 1, "lng": 1, "x": "${"x".repeat(2_000)}"}`],
  ])("is not what %j says", (value) => {
    expect(positionOf(value)).toBeNull();
  });

  const resource = (name: string, value: unknown, unit: string | null = null): Resource => ({
    name,
    data: value,
    value,
    number: typeof value === "number" ? value : null,
    unit,
    atMs: 0,
    about: {},
    history: new History(),
  });
  const node = (...resources: Resource[]): Node => ({
    uid: "ws/1",
    gateway: "ws",
    protocol: "",
    state: "online",
    firstSeenMs: null,
    lastSeenMs: null,
    intervalMs: null,
    timeoutMs: null,
    gone: null,
    resources: new Map(resources.map((one) => [one.name, one])),
  });

  it("of a node is its `position`, or whatever says one, or two numbers in degrees", () => {
    const [here, there] = [{ lat: 1, lng: 2 }, { lat: 3, lng: 4 }];
    expect(nodePosition(node(resource("where", here), resource("position", there)))).toEqual(there);
    expect(nodePosition(node(resource("position", "lost"), resource("where", here)))).toEqual(here);
    expect(nodePosition(node(resource("a", 3, "lat"), resource("b", 4, "lon")))).toEqual(there);
    expect(nodePosition(node(resource("a", 99, "lat"), resource("b", 4, "lon")))).toBeNull();
    expect(nodePosition(node())).toBeNull();
  });
});

describe("Web Mercator", () => {
  it("has the world in a square", () => {
    expect(project({ lat: 0, lng: 0 })).toEqual({ x: 0.5, y: 0.5 });
    expect(project({ lat: MAX_LAT, lng: -180 }).y).toBeCloseTo(0);
    expect(project({ lat: -90, lng: 180 }).y).toBeCloseTo(1);
    expect(project({ lat: 90, lng: 0 }).y).toBeCloseTo(0);
  });

  it("comes back to where it was", () => {
    const { lat, lng } = unproject(project(SACLAY));
    expect([lat, lng]).toEqual([expect.closeTo(SACLAY.lat, 9), expect.closeTo(SACLAY.lng, 9)]);
  });

  it("knows how long a pixel is", () => {
    expect(metresPerPixel(project({ lat: 0, lng: 0 }), 256)).toBeCloseTo(156_543, 0);
    expect(metresPerPixel(project({ lat: 60, lng: 0 }), 256)).toBeCloseTo(78_271.5, 0);
  });
});

describe("the viewport", () => {
  it("keeps what is pointed at where it is while it zooms", () => {
    const at = { x: 700, y: 200 };
    const before = fitted([project(SACLAY)], SIZE, 40);
    const fixed = toWorld(before, SIZE, at);
    const { x, y } = toScreen(zoomed(before, SIZE, 2, at), SIZE, fixed);
    expect([x, y]).toEqual([expect.closeTo(at.x, 6), expect.closeTo(at.y, 6)]);
  });

  it("neither leaves the world nor goes nearer than tiles do", () => {
    const centre = { x: SIZE.width / 2, y: SIZE.height / 2 };
    expect(zoomed(world(SIZE), SIZE, 1e12, centre).scale).toBe(MAX_SCALE);
    expect(zoomed(world(SIZE), SIZE, 1e-12, centre).scale).toBe(500);
    expect(zoomed(world(SIZE), SIZE, NaN, centre)).toEqual(world(SIZE));
    const far = panned(zoomed(world(SIZE), SIZE, 8, centre), SIZE, -1e9, 1e9);
    expect(toScreen(far, SIZE, { x: 1, y: 0 })).toEqual({ x: expect.closeTo(950, 6), y: expect.closeTo(50, 6) });
  });

  it("fits what there is, one place with its surroundings, and without any the world", () => {
    const points = [SACLAY, { lat: 45.2, lng: 5.7 }].map(project);
    const fit = fitted(points, SIZE, 40);
    for (const point of points) {
      const { x, y } = toScreen(fit, SIZE, point);
      expect(x >= 39 && x <= 961 && y >= 39 && y <= 461).toBe(true);
    }
    expect(fitted([project(SACLAY)], SIZE, 40).scale).toBe(256 * 2 ** 9);
    expect(fitted([], SIZE, 40)).toEqual(world(SIZE));
  });
});

describe("a key", () => {
  const before = fitted([project(SACLAY)], SIZE, 40);
  const moved = (key: string): { x: number; y: number; factor: number } => {
    const after = steered(key, before, SIZE);
    if (after === null || after === "all") throw new Error(`${key} moves nothing`);
    const { x, y } = toScreen(after, SIZE, before.centre);
    return { x: x - SIZE.width / 2, y: y - SIZE.height / 2, factor: after.scale / before.scale };
  };

  it.each([
    ["ArrowLeft", 90, 0],
    ["ArrowRight", -90, 0],
    ["ArrowUp", 0, 90],
    ["ArrowDown", 0, -90],
  ])("%s looks that way", (key, x, y) => {
    expect(moved(key)).toEqual({ x: expect.closeTo(x, 6), y: expect.closeTo(y, 6), factor: 1 });
  });

  it.each([["+", 2], ["=", 2], ["-", 0.5]])("%s zooms, and the middle stays", (key, factor) => {
    expect(moved(key)).toEqual({ x: expect.closeTo(0, 6), y: expect.closeTo(0, 6), factor });
  });

  it("shows all, or is not the map's", () => {
    expect(["0", "Home", "a", "Enter", "ArrowLeftish", ""].map((key) => steered(key, before, SIZE))).toEqual(["all", "all", null, null, null, null]);
  });
});

describe("clusters", () => {
  const placed = (uid: string, x: number, y: number): Placed => ({ uid, point: { x, y } });

  it("gather what is near on the screen, and part when that grows", () => {
    const items = [placed("a", 0.5, 0.5), placed("b", 0.51, 0.5), placed("c", 0.9, 0.1)];
    const near = clustered(items, 1000, 48);
    expect(near.map(({ items: gathered }) => gathered.map(({ uid }) => uid))).toEqual([["a", "b"], ["c"]]);
    expect(near[0]?.point).toEqual({ x: expect.closeTo(0.505, 9), y: 0.5 });
    expect(clustered(items, 10_000, 48)).toHaveLength(3);
  });

  it("see over the borders of the cells they are looked up in", () => {
    const step = 48 / 1000;
    for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1], [-1, -1], [1, 1], [-1, 1], [1, -1]] as const) {
      const items = [placed("a", 10 * step, 10 * step), placed("b", 10 * step + dx * 0.01, 10 * step + dy * 0.01)];
      expect(clustered(items, 1000, 48)).toHaveLength(1);
    }
  });

  it("hold every item once, at the edges of the world too, and none begins within the radius of another", () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const corners = [placed("nw", 0, 0), placed("ne", 1, 0), placed("sw", 0, 1), placed("se", 1, 1)];
    const items = [...corners, ...Array.from({ length: 5_000 }, (_, index) => placed(String(index), random(), random()))];
    const clusters = clustered(items, 1200, 48);
    expect(clusters.flatMap(({ items: gathered }) => gathered.map(({ uid }) => uid)).sort()).toEqual(items.map(({ uid }) => uid).sort());
    expect(new Set(clusters.map(({ key }) => key)).size).toBe(clusters.length);
    const begun = clusters.map(({ items: gathered }) => gathered[0]?.point ?? { x: 0, y: 0 });
    for (const [index, one] of begun.entries()) {
      for (const other of begun.slice(index + 1)) expect(Math.hypot(one.x - other.x, one.y - other.y) * 1200).toBeGreaterThanOrEqual(48);
    }
  });
});

describe("tiles", () => {
  it("are those that are seen, at a zoom that fits", () => {
    const tiles = tilesOf("https://t.example/{z}/{x}/{y}.png", { centre: { x: 0.5, y: 0.5 }, scale: 1024 }, { width: 256, height: 256 });
    expect(tiles.map(({ url }) => url)).toEqual(["1/1", "2/1", "1/2", "2/2"].map((place) => `https://t.example/2/${place}.png`));
    expect(tiles[0]).toMatchObject({ x: -128, y: -128, size: 256 });
  });

  it("are never more than a bound, and never outside the world", () => {
    expect(tilesOf("{z}", { centre: { x: 0.5, y: 0.5 }, scale: MAX_SCALE }, { width: 1e6, height: 1e6 })).toHaveLength(200);
    expect(tilesOf("{z}/{x}/{y}", { centre: { x: 0.5, y: 0.5 }, scale: 256 }, { width: 4000, height: 4000 })).toHaveLength(1);
  });
});

describe("the net of degrees", () => {
  it("is as fine as it stays readable", () => {
    const { stepDegrees, meridians } = graticuleOf(world(SIZE), SIZE);
    expect(stepDegrees).toBe(60);
    expect(meridians.map(({ degrees }) => degrees)).toContain(0);
    const near = graticuleOf(fitted([project(SACLAY)], SIZE, 40, MAX_SCALE), SIZE);
    expect(near.stepDegrees).toBeLessThan(0.001);
    expect(near.meridians.length).toBeGreaterThan(2);
  });

  it("is labelled by hemisphere", () => {
    expect(degreesText(48.5, 0.5, ["N", "S"])).toBe("48.5° N");
    expect(degreesText(-2, 1, ["E", "O"])).toBe("2° O");
    expect(degreesText(-0, 1, ["N", "S"])).toBe("0°");
  });

  it("comes with a round length", () => {
    const { metres, pixels } = scaleBar({ centre: project({ lat: 0, lng: 0 }), scale: 40_075.016686 }, 120);
    expect([metres, pixels]).toEqual([100_000, expect.closeTo(100, 3)]);
  });
});
