// SPDX-License-Identifier: BSD-3-Clause

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

const SCRIPT = "sw.js";

/** Has the browser run the service worker for this page and those below it. Where it cannot, the page lacks nothing else. */
export function registerWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  const policy = trustedTypes?.createPolicy("pyaiot-service-worker", {
    createScriptURL(url) {
      if (url !== SCRIPT) throw new TypeError("no other script");
      return url;
    },
  });
  const script = policy?.createScriptURL(SCRIPT) ?? SCRIPT;
  const register = (): void => void navigator.serviceWorker.register(script, { scope: "./" }).catch(() => undefined);
  // The page comes first.
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}
