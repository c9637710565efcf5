// SPDX-License-Identifier: BSD-3-Clause

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "pyaiot.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

/** The chosen theme, kept in this browser; `dark` is what is shown in the end. */
class ThemeChoice {
  choice = $state<Theme>(stored());
  #systemDark = $state(systemDark.matches);
  readonly dark = $derived(this.choice === "system" ? this.#systemDark : this.choice === "dark");

  constructor() {
    systemDark.addEventListener("change", (event) => {
      this.#systemDark = event.matches;
    });
    show(this.choice);
  }

  /** Follows the other tabs. */
  follow(): void {
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      this.choice = stored();
      show(this.choice);
    });
  }

  choose(theme: Theme): void {
    this.choice = theme;
    show(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Kept for this page only.
    }
  }
}

function show(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

function stored(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? "system";
  } catch {
    return "system";
  }
}

export const theme = new ThemeChoice();
