// SPDX-License-Identifier: BSD-3-Clause
import type { Cause } from "../../client/close.js";
import { t } from "./strings.ts";

const CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1015, 4401, 4403, 4409] as const;

/** Why there is no connection, in the page's language; the broker's own words are added when it gave some. */
export function causeText({ code, words }: Cause): string {
  if (code === null) return words;
  const sentence = sentenceOf(code);
  return words === "" ? sentence : t("says", { sentence, words });
}

function sentenceOf(code: NonNullable<Cause["code"]>): string {
  if (code === "token") return t("refusedToken");
  if (typeof code === "string") return t(code);
  const known = CODES.find((each) => each === code);
  return known === undefined ? t("otherCode", { code }) : t(known);
}
