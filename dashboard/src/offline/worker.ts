// SPDX-License-Identifier: BSD-3-Clause
import { outdated, PATIENCE_MS, ruleOf, type Rule } from "./rules.ts";

/**
 * The service worker, `sw.js`: what makes the page open without a network and lets it be installed.
 *
 * It keeps the page and its parts, and nothing that a device or the broker said.
 */

/** What the page begins with, and all parts of this build; put in by build/worker.ts, so that each build is a new worker. */
const SHELL: readonly string[] = JSON.parse("__SHELL__") as string[];
const ASSETS: readonly string[] = JSON.parse("__ASSETS__") as string[];

interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void;
}

interface Asked extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

/** What is used here of ServiceWorkerGlobalScope, which the types of pages do not have. */
interface Scope {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Asked) => void): void;
}

const worker = self as unknown as Scope;
const scope = worker.registration.scope;
// Other dashboards may be below other paths of the same origin.
const store = (): Promise<Cache> => caches.open(`pyaiot ${scope}`);
const urlOf = (path: string): string => scope + path;

worker.addEventListener("install", (event) => {
  event.waitUntil(store().then((cache) => cache.addAll(SHELL.map(urlOf))).then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(forgetOutdated().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const rule = ruleOf(event.request.method, event.request.url, scope);
  if (rule !== null) event.respondWith(rule.how === "kept" ? kept(event.request, rule) : newest(event.request, rule));
});

async function forgetOutdated(): Promise<void> {
  const cache = await store();
  const paths = (await cache.keys()).map(({ url }) => url.slice(scope.length));
  await Promise.all(outdated(paths, ASSETS).map((path) => cache.delete(urlOf(path))));
}

async function kept(request: Request, rule: Rule): Promise<Response> {
  return (await found(rule)) ?? fetched(request, rule);
}

async function newest(request: Request, rule: Rule): Promise<Response> {
  const answer = fetched(request, rule);
  answer.catch(() => undefined); // it may fail after the patience is over
  const older = await found(rule);
  if (older === undefined) return answer;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(older), PATIENCE_MS));
  return Promise.race([answer, late]).catch(() => older);
}

async function found({ path }: Rule): Promise<Response | undefined> {
  return (await store()).match(urlOf(path), { ignoreVary: true });
}

async function fetched(request: Request, { path }: Rule): Promise<Response> {
  const answer = await fetch(request);
  // A proxy that wants a login answers with another page than was asked for.
  if (answer.status === 200 && !answer.redirected) await (await store()).put(urlOf(path), answer.clone());
  return answer;
}
