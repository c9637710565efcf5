// SPDX-License-Identifier: BSD-3-Clause
import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { clock } from "./clock.svelte.ts";
import { applyBranding, fetchConfig } from "./config.ts";
import { language } from "./i18n/language.svelte.ts";
import { View } from "./live/view.svelte.ts";
import { registerWorker } from "./offline/register.ts";
import { prefs } from "./prefs.svelte.ts";
import { theme } from "./theme.svelte.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

clock.start();
prefs.follow();
theme.follow();
document.documentElement.lang = language.current;
try {
  const config = await fetchConfig(fetch, document.baseURI);
  applyBranding(config, config.title);
  const view = new View(config.brokerUrl);
  mount(App, { target, props: { config, view } });
  view.start();
  registerWorker();
} catch (error) {
  target.className = "fatal";
  target.textContent = error instanceof Error ? error.message : String(error);
}
