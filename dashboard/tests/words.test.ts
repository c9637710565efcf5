// SPDX-License-Identifier: BSD-3-Clause
import { parse, type AST } from "svelte/compiler";
import { describe, expect, it, vi } from "vitest";
import type { Message } from "../src/i18n/translate.ts";

type Catalogue = Readonly<Record<"en" | "fr", Readonly<Record<string, Message>>>>;

const made = vi.hoisted((): { catalogues: Catalogue[] } => ({ catalogues: [] }));
vi.mock("../src/i18n/translate.ts", async (original) => ({
  ...(await original<object>()),
  translator: (catalogue: Catalogue) => {
    made.catalogues.push(catalogue);
    return () => "";
  },
}));

const SOURCES = import.meta.glob<string>("../src/**/*.{ts,svelte}", { query: "?raw", import: "default", eager: true });
const MODULES = import.meta.glob("../src/**/strings.ts");

function texts(message: Message | undefined): string[] {
  return message === undefined ? [] : typeof message === "string" ? [message] : [message.one, message.other];
}

function places(message: Message | undefined): string[] {
  return [...new Set(texts(message).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();
}

describe("each catalogue", () => {
  it("is in a file of that name, and is looked at here", () => {
    const makers = Object.entries(SOURCES).filter(([path, text]) => text.includes("translator(") && !path.includes("/i18n/"));
    expect(makers.map(([path]) => path).sort()).toEqual(Object.keys(MODULES).sort());
    expect(makers.length).toBeGreaterThan(10);
  });

  it.each(Object.entries(MODULES))("of %s says the same in both languages", async (path, load) => {
    made.catalogues.length = 0;
    vi.resetModules();
    await load();
    expect(made.catalogues.length, path).toBeGreaterThan(0);
    for (const { en, fr } of made.catalogues) {
      expect(Object.keys(fr).sort()).toEqual(Object.keys(en).sort());
      for (const key of Object.keys(en)) {
        expect(places(fr[key]), key).toEqual(places(en[key]));
        for (const text of [...texts(en[key]), ...texts(fr[key])]) expect(text.trim(), key).not.toBe("");
      }
    }
  });
});

/** What is the same in each language, or no word of it. */
const WORDLESS = new Set(["peer/", "Esc", "English", "Français", "http://camera.local:8081/stream", "--webcam-hosts"]);
const SAID = new Set(["aria-label", "aria-description", "aria-valuetext", "aria-roledescription", "title", "placeholder", "alt", "label"]);
const LETTERS = /\p{L}{2}/u;

function isWord(text: string): boolean {
  return LETTERS.test(text) && !WORDLESS.has(text.trim());
}

/** The words in what an expression may be; not in what it asks or calls. */
function wordsOf(node: unknown): string[] {
  const { type, value, ...rest } = node as { type: string; value?: unknown } & Record<string, unknown>;
  if (type === "Literal") return typeof value === "string" && isWord(value) ? [value] : [];
  if (type === "ConditionalExpression") return [...wordsOf(rest["consequent"]), ...wordsOf(rest["alternate"])];
  if (type === "LogicalExpression") return [...wordsOf(rest["left"]), ...wordsOf(rest["right"])];
  if (type === "TemplateLiteral") {
    const quasis = rest["quasis"] as { value: { cooked: string } }[];
    return quasis.map(({ value: { cooked } }) => cooked).filter(isWord);
  }
  return [];
}

/** The words that stand in the markup itself. */
function wordsIn(source: string): string[] {
  const found: string[] = [];
  const take = (part: AST.Text | AST.ExpressionTag): void => {
    if (part.type === "Text") found.push(...(isWord(part.data) ? [part.data.trim()] : []));
    else found.push(...wordsOf(part.expression));
  };
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== "object" || node === null) return;
    const { type, name, value } = node as { type?: string; name?: string; value?: unknown };
    if (type === "Attribute") {
      if (!SAID.has(name ?? "")) return;
      for (const part of Array.isArray(value) ? value : [value]) if (typeof part === "object" && part !== null) take(part as AST.Text);
      return;
    }
    if (type?.endsWith("Directive") === true) return;
    if (type === "Text" || type === "ExpressionTag") return take(node as AST.Text);
    Object.values(node).forEach(walk);
  };
  walk(parse(source, { modern: true }).fragment);
  return found;
}

describe("the words of the page", () => {
  it("are found in markup", () => {
    expect(wordsIn(`<p title="A thing" class="big">Some <b>{x ? "more" : t("words")}</b>{#if a}<i aria-label={t("ok")}>Here</i>{/if}</p>`)).toEqual(["A thing", "Some", "more", "Here"]);
  });

  it.each(Object.entries(SOURCES).filter(([path]) => path.endsWith(".svelte")))("%s takes them from a catalogue", (_, source) => {
    expect(wordsIn(source)).toEqual([]);
  });
});
