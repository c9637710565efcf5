// SPDX-License-Identifier: BSD-3-Clause
import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

// Whatever a device says reaches the page as text. These are the ways to turn text into markup or code.
const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc", "createContextualFragment", "parseFromString"];

export default ts.config(
  { ignores: ["node_modules", "dist", "client/types"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  { files: ["*.js", "*.ts", "build/**", "bench/**"], languageOptions: { globals: { ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  { files: ["client/**"], rules: { "@typescript-eslint/no-extraneous-class": ["error", { allowConstructorOnly: true }] } },
  {
    rules: {
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-syntax": [
        "error",
        ...MARKUP.map((name) => ({
          selector: `:matches(MemberExpression[property.name="${name}"], Property[key.name="${name}"])`,
          message: "Show it as text: what devices say must never become markup.",
        })),
        { selector: 'MemberExpression[object.name="document"][property.name=/^write(ln)?$/]', message: "No document.write." },
      ],
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      "svelte/button-has-type": "error",
    },
  },
);
