// SPDX-License-Identifier: BSD-3-Clause
import "../app.css";
import { mount } from "svelte";
import { applyBranding, fetchConfig } from "../config.ts";
import { language } from "../i18n/language.svelte.ts";
import { registerWorker } from "../offline/register.ts";
import "../theme.svelte.ts";
import Join from "./Join.svelte";
import { Presence } from "./presence.svelte.ts";
import { t } from "./strings.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("join.html has no #app");

document.documentElement.lang = language.current;
try {
  const config = await fetchConfig(fetch, document.baseURI);
  applyBranding(config, t("titled", { title: config.title }));
  const presence = new Presence(config.brokerUrl);
  addEventListener("online", () => presence.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) presence.hurry();
  });
  mount(Join, { target, props: { config, presence } });
  registerWorker();
} catch (error) {
  target.className = "fatal";
  target.textContent = error instanceof Error ? error.message : String(error);
}
