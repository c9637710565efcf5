// SPDX-License-Identifier: BSD-3-Clause

/** What the broker says on `/ws` (PROTOCOL.md, section 3.1), as types. */
export type Message =
  | { readonly type: "new"; readonly uid: string }
  | {
      readonly type: "update";
      readonly uid: string;
      readonly resource: string;
      /** As the device gave it. */
      readonly data: unknown;
      /** What the gateway made of it, or undefined from a broker that does not say. */
      readonly value: unknown;
      /** As RFC 8428 spells it. */
      readonly unit: string | null;
      /** Unix time in milliseconds at which the gateway got it. */
      readonly at: number | null;
    }
  | { readonly type: "reset"; readonly uid: string }
  | { readonly type: "out"; readonly uid: string }
  | { readonly type: "synced" }
  | { readonly type: "result"; readonly id: string; readonly ok: boolean; readonly code: string; readonly reason: string };

/** Reads one message; null for anything this page does not know, which is not an error. Never throws. */
export function parseMessage(text: string): Message | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null) return null;
  const message = parsed as Record<string, unknown>;
  const { type, uid } = message;
  if (type === "synced") return { type };
  if (type === "result") return typeof message["id"] === "string" ? resultOf(message["id"], message) : null;
  if (typeof uid !== "string" || uid === "") return null;
  if (type === "new" || type === "out" || type === "reset") return { type, uid };
  if (type === "update" && typeof message["endpoint"] === "string") {
    const { endpoint: resource, data, value, unit, at } = message;
    return {
      type,
      uid,
      resource: resource as string,
      data,
      value,
      unit: typeof unit === "string" && unit !== "" ? unit : null,
      at: typeof at === "number" && Number.isFinite(at) ? at : null,
    };
  }
  return null;
}

function resultOf(id: string, message: Record<string, unknown>): Message {
  const { ok, code, reason } = message;
  return {
    type: "result",
    id,
    ok: ok === true,
    code: typeof code === "string" ? code : "",
    reason: typeof reason === "string" ? reason : "",
  };
}

/** The first message of a client: asks for the state and says what else this page understands. */
export function hello(token: string | null): string {
  const message = { type: "new", data: "client", features: ["results", "synced"] };
  return JSON.stringify(token === null ? message : { ...message, token });
}

/** Asks for a write; the broker answers with a `result` that carries the same id. */
export function write(id: string, uid: string, resource: string, payload: string): string {
  return JSON.stringify({ type: "update", id, data: { uid, endpoint: resource, payload } });
}
