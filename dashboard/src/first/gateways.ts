// SPDX-License-Identifier: BSD-3-Clause
import { bare, isLoopback } from "../hosts.ts";

/** Where devices come in, as a person can reach it (PROTOCOL.md, section 2.3, `doors`). */
export interface Door {
  readonly scheme: string;
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly gateway: string;
  /** It listens on loopback, and the page is not of that machine: only programs there can use it. Its name, or null. */
  readonly onlyOn: string | null;
}

/** Of gateways and their doors as many are looked at. */
export const MAX_GATEWAYS = 64;
const MAX_DOORS = 8;

// What is told ends in lines that people paste into a shell: nothing that means anything there.
const SCHEME = /^[a-z][a-z0-9+.-]{0,15}$/;
const HOST = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$|^[0-9A-Fa-f:.]{2,45}$/;
const PATH = /^(\/[A-Za-z0-9._~-]{1,64}){0,8}$/;

/** The doors of the connected gateways, from what `gateways.list` answers; what makes no sense is left out. Pure. */
export function doorsOf(answer: unknown, brokerUrl: string, pageUrl: string): readonly Door[] {
  const home = homeOf(brokerUrl, pageUrl);
  const doors: Door[] = [];
  for (const gateway of list(entry(answer, "gateways")).slice(0, MAX_GATEWAYS)) {
    if (entry(gateway, "state") !== "connected") continue;
    const address = hostIn(entry(gateway, "address"));
    const name = entry(gateway, "gateway");
    for (const told of list(entry(gateway, "doors")).slice(0, MAX_DOORS)) {
      const door = doorOf(told, typeof name === "string" ? name : "", address ?? home);
      if (door !== null) doors.push(door);
    }
  }
  return doors;
}

/** How many gateways are connected, with doors or without. Pure. */
export function connectedOf(answer: unknown): number {
  return list(entry(answer, "gateways")).filter((gateway) => entry(gateway, "state") === "connected").length;
}

/**
 * Where the broker's own host is from here: a page that was told `localhost` comes from that very host, so it is where
 * the page is. Pure.
 */
export function homeOf(brokerUrl: string, pageUrl: string): string {
  const broker = bare(new URL(brokerUrl).hostname);
  return isLoopback(broker) ? bare(new URL(pageUrl).hostname) : broker;
}

function doorOf(told: unknown, gateway: string, home: string): Door | null {
  const [scheme, port, path = ""] = [entry(told, "scheme"), entry(told, "port"), entry(told, "path") ?? ""];
  if (typeof scheme !== "string" || !SCHEME.test(scheme) || typeof path !== "string" || !PATH.test(path)) return null;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  const said = entry(told, "host");
  const host = said === undefined || said === null ? home : hostIn(said);
  if (host === null) return null;
  const onlyOn = isLoopback(host) && !isLoopback(home) ? home : null;
  return { scheme, host: onlyOn === null ? host : "localhost", port, path, gateway, onlyOn };
}

function hostIn(said: unknown): string | null {
  const host = typeof said === "string" ? bare(said) : "";
  return HOST.test(host) ? host : null;
}

function entry(object: unknown, name: string): unknown {
  return typeof object === "object" && object !== null ? (object as Record<string, unknown>)[name] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
