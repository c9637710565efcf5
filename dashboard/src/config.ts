// SPDX-License-Identifier: BSD-3-Clause
import { t } from "./strings.ts";

/** What `config.json` says; everything but the broker's address is optional. */
export interface Config {
  readonly brokerUrl: string;
  readonly title: string;
  readonly logo: string | null;
  readonly favicon: string | null;
  readonly cameraUrl: string | null;
  /** The hosts besides our own whose pictures the server's policy lets the page show, as sources of that policy. */
  readonly webcamHosts: readonly string[];
  /** Where the pictures of a map are, with `{z}`, `{x}` and `{y}`. */
  readonly mapTiles: string | null;
}

/** Makes the document the configured one. */
export function applyBranding(config: Config, title: string): void {
  document.title = title;
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (config.favicon === null || icon === null) return;
  icon.removeAttribute("type");
  icon.href = config.favicon;
}

/** Reads the settings the server gives. Throws an Error with a sentence for the reader when that is impossible. */
export async function fetchConfig(fetcher: typeof fetch, baseUrl: string): Promise<Config> {
  let answer: Response;
  try {
    answer = await fetcher("config.json", { cache: "no-store" });
  } catch {
    throw new Error(t("serverSilent"));
  }
  if (!answer.ok) throw new Error(t("serverAnswered", { status: answer.status }));
  let settings: unknown;
  try {
    settings = await answer.json();
  } catch {
    throw new Error(t("settingsNotJson"));
  }
  return parseConfig(settings, baseUrl);
}

/** Turns the parsed `config.json` into a Config. A relative broker address is taken from the page's own. */
export function parseConfig(settings: unknown, baseUrl: string): Config {
  const given = (typeof settings === "object" && settings !== null ? settings : {}) as Record<string, unknown>;
  const text = (name: string): string | null => {
    const value = given[name];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const address = text("broker_url");
  if (address === null) throw new Error(t("settingsNoBroker"));
  return {
    brokerUrl: socketUrl(address, baseUrl),
    title: text("title") ?? "IoT Dashboard",
    logo: imageUrl(text("logo"), baseUrl),
    favicon: imageUrl(text("favicon"), baseUrl),
    cameraUrl: imageUrl(text("camera_url"), baseUrl),
    webcamHosts: texts(given["webcam_hosts"]),
    mapTiles: tilesUrl(text("map_tiles"), baseUrl),
  };
}

function socketUrl(address: string, baseUrl: string): string {
  const url = parseUrl(address, baseUrl);
  if (url === null) throw new Error(t("brokerNotUrl", { address }));
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new Error(t("brokerNotSocket", { address }));
  url.hash = "";
  return url.href;
}

function imageUrl(address: string | null, baseUrl: string): string | null {
  if (address === null) return null;
  const url = parseUrl(address, baseUrl);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? url.href : null;
}

/** As `imageUrl`, but a URL writes braces as `%7B`, and they have to stay places. */
function tilesUrl(template: string | null, baseUrl: string): string | null {
  const url = imageUrl(template, baseUrl)?.replace(/%7B([zxy])%7D/gi, "{$1}") ?? null;
  return url !== null && ["{z}", "{x}", "{y}"].every((place) => url.includes(place)) ? url : null;
}

function texts(given: unknown): readonly string[] {
  return Array.isArray(given) ? given.filter((item) => typeof item === "string") : [];
}

function parseUrl(address: string, baseUrl: string): URL | null {
  try {
    return new URL(address, baseUrl);
  } catch {
    return null;
  }
}
