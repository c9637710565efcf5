// SPDX-License-Identifier: BSD-3-Clause
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** A line longer than any screen is wrapped; a text longer than this is not shown in full: no device has such a script. */
const MAX_SHOWN = 200_000;

/** Colours are app.css's: variables reach into a shadow root, so that the theme is followed by itself. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword, tags.operatorKeyword], color: "var(--violet)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--warn)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], color: "var(--accent)" },
  { tag: tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--sunken)", fontSize: "0.82rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--ink) 5%, transparent)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 26%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent)" },
});

interface Wishes {
  readonly text: string;
  readonly label: string;
  readonly readOnly: boolean;
  readonly onEdit: (text: string) => void;
  readonly onSend: () => void;
}

export interface ScriptEditor {
  readonly text: string;
  /** Puts another text in its place, which can be undone. */
  replace(text: string): void;
  /** Follows the page's language, and whether it can be written to. */
  tell(label: string, readOnly: boolean): void;
  end(): void;
}

/**
 * Opens an editor inside a host element, in a shadow root: there, and only there, its library makes style sheets by
 * script instead of <style> elements, which the page's policy refuses.
 */
export function openEditor(host: HTMLElement, wishes: Wishes): ScriptEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const words = new Compartment();
  const told = (label: string, readOnly: boolean) => [
    EditorView.contentAttributes.of({ "aria-label": label, ...(readOnly && { "aria-readonly": "true" }) }),
    EditorState.readOnly.of(readOnly),
  ];
  const send = (): boolean => {
    wishes.onSend();
    return true;
  };
  const state = EditorState.create({
    doc: wishes.text.slice(0, MAX_SHOWN),
    extensions: [
      words.of(told(wishes.label, wishes.readOnly)),
      lineNumbers(),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of("  "),
      bracketMatching(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      EditorView.lineWrapping,
      javascript(),
      syntaxHighlighting(COLOURS),
      LOOK,
      // Escape lets the next Tab leave; that is the library's own.
      keymap.of([{ key: "Mod-Enter", run: send, preventDefault: true }, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) wishes.onEdit(update.state.doc.toString());
      }),
    ],
  });
  const editor = new EditorView({ state, parent: root as unknown as HTMLElement, root });
  return {
    get text() {
      return editor.state.doc.toString();
    },
    replace(text) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text.slice(0, MAX_SHOWN) } });
    },
    tell(label, readOnly) {
      editor.dispatch({ effects: words.reconfigure(told(label, readOnly)) });
    },
    end() {
      editor.destroy();
    },
  };
}
