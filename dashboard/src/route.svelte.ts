// SPDX-License-Identifier: BSD-3-Clause

/** What is shown: part of the address behind `#`, so that a link opens what it names, under any path of any server. */
export type Route =
  | { readonly page: "overview"; readonly query: string }
  | { readonly page: "device"; readonly uid: string }
  | { readonly page: "map" };

/** The route of an address' hash: `#/`, `#/?q=…`, `#/device/<uid>`, `#/map`. What is none is the overview. Pure. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#\/?/, "");
  if (path.startsWith("device/")) {
    const uid = decoded(path.slice("device/".length));
    if (uid !== null && uid !== "") return { page: "device", uid };
  }
  if (path === "map") return { page: "map" };
  return { page: "overview", query: path.startsWith("?") ? path.slice(1) : "" };
}

/** The hash of a route. Pure. */
export function hashOf(route: Route): string {
  if (route.page === "device") return `#/device/${route.uid.split("/").map(encodeURIComponent).join("/")}`;
  if (route.page === "map") return "#/map";
  return route.query === "" ? "#/" : `#/?${route.query}`;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

class Router {
  current = $state.raw<Route>(parseRoute(location.hash));
  /** What the overview was last asked for: a link back to it shows that again. */
  overviewQuery = $state("");

  constructor() {
    this.#show(this.current);
    addEventListener("hashchange", () => this.#show(parseRoute(location.hash)));
  }

  /** Goes there; with `replace` the back button does not come here again. */
  go(route: Route, replace = false): void {
    if (replace) {
      history.replaceState(null, "", hashOf(route));
      this.#show(route);
    } else {
      location.hash = hashOf(route);
    }
  }

  #show(route: Route): void {
    this.current = route;
    if (route.page === "overview") this.overviewQuery = route.query;
  }
}

export const router = new Router();
