// SPDX-License-Identifier: BSD-3-Clause
import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { clock } from "./clock.svelte.ts";
import { fetchConfig, type Config } from "./config.ts";
import { View } from "./live/view.svelte.ts";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

function applyBranding(config: Config): void {
  document.title = config.title;
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (config.favicon === null || icon === null) return;
  icon.removeAttribute("type");
  icon.href = config.favicon;
}

clock.start();
try {
  const config = await fetchConfig(fetch, document.baseURI);
  applyBranding(config);
  const view = new View(config.brokerUrl);
  mount(App, { target, props: { config, view } });
  view.start();
} catch (error) {
  target.className = "fatal";
  target.textContent = error instanceof Error ? error.message : String(error);
}
