// SPDX-License-Identifier: BSD-3-Clause
import { beforeAll, describe, expect, test, vi } from "vitest";
import { translated } from "../src/i18n/translate.ts";

type Routes = typeof import("../src/route.svelte.ts");

describe("messages", () => {
  test("have values in their places, once, and keep what is no place", () => {
    expect(translated("{what} since {when}", { what: "{when}", when: "noon" }, "en")).toBe("{when} since noon");
    expect(translated("{toString} {missing}", {}, "en")).toBe("{toString} {missing}");
  });

  test("have the plural of their language", () => {
    const message = { one: "{count} device", other: "{count} devices" };
    expect([0, 1, 2].map((count) => translated(message, { count }, "en"))).toEqual(["0 devices", "1 device", "2 devices"]);
    expect([0, 1, 2].map((count) => translated({ one: "un", other: "des" }, { count }, "fr"))).toEqual(["un", "un", "des"]);
  });
});

describe("routes", () => {
  let routes: Routes;
  beforeAll(async () => {
    vi.stubGlobal("location", { hash: "" });
    vi.stubGlobal("addEventListener", () => undefined);
    routes = await import("../src/route.svelte.ts");
  });

  test.each([
    { page: "overview", query: "" },
    { page: "overview", query: "q=a%20b&state=late" },
    { page: "device", uid: "coap/1234" },
    { page: "device", uid: "we?ird/#%/ü" },
    { page: "map" },
  ] as const)("say the same there and back: %j", (route) => {
    expect(routes.parseRoute(routes.hashOf(route))).toEqual(route);
  });

  test.each(["", "#", "#/", "#/nowhere", "#/device/", "#/device/%", "#/__proto__"])("are the overview where they are none: %j", (hash) => {
    expect(routes.parseRoute(hash)).toEqual({ page: "overview", query: "" });
  });
});
