// SPDX-License-Identifier: BSD-3-Clause
import { Client, RpcError } from "../../client/index.js";
import type { Status } from "../../client/link.js";
import { causeText } from "../connection/cause_text.ts";
import { explain } from "../live/strings.ts";
import { storedToken, storeToken } from "../token.ts";
import { idOf, otherId, storedIdentity, storeIdentity } from "./identity.ts";
import { t } from "./strings.ts";

const TYPE = "phone";
/** What others may have it say. */
const LONGEST_SAYING = 500;
const VIBRATES_MS = 300;
const LONGEST_VIBRATION_MS = 5000;

/** This browser as an entity (PROTOCOL.md, section 3.5), made reactive. */
export class Presence {
  name = $state(storedIdentity()?.name ?? "");
  /** What we are called, while we are an entity. */
  id = $state<string | null>(null);
  status = $state.raw<Status>({ state: "closed" });
  joining = $state(false);
  /** Why the broker wants a token. */
  wantsToken = $state<string | null>(null);
  /** What went wrong last. */
  trouble = $state("");
  /** What others had it say, the newest first. */
  sayings = $state.raw<readonly string[]>([]);
  #brokerUrl;
  #client: Client | null = null;
  /** The newest of each topic: a new connection is told them again. */
  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing that is shown
  readonly #published = new Map<string, unknown>();
  #wasLost = false;

  constructor(brokerUrl: string) {
    this.#brokerUrl = brokerUrl;
  }

  get connected(): boolean {
    return this.status.state === "connected";
  }

  /** Becomes an entity of this name. */
  async join(): Promise<void> {
    const name = this.name.trim();
    if (name === "" || this.joining || this.id !== null) return;
    this.joining = true;
    this.trouble = "";
    this.wantsToken = null;
    const client = (this.#client ??= this.#connect());
    const kept = storedIdentity();
    const mine = kept?.name === name ? kept : { id: idOf(name), token: null };
    const as = { type: TYPE, description: name.slice(0, 200) };
    try {
      let registration;
      try {
        registration = await client.register({ ...as, id: mine.id, ...(mine.token === null ? {} : { token: mine.token }) });
      } catch (error) {
        if (!(error instanceof RpcError) || error.kind !== "taken") throw error;
        registration = await client.register({ ...as, id: otherId(name, Math.random()) });
      }
      storeIdentity({ name, id: registration.id, token: registration.token });
      this.id = registration.id;
      await this.publish("name", name);
    } catch (error) {
      const reason = why(error, this.status);
      this.#disconnect();
      if (error instanceof RpcError && error.kind === "forbidden") this.wantsToken = reason;
      else this.trouble = reason;
    } finally {
      this.joining = false;
    }
  }

  /** Is gone: nobody finds it any more. */
  leave(): void {
    this.#disconnect();
  }

  /** Uses this token from now on, in this tab only, and joins. */
  async useToken(token: string): Promise<void> {
    storeToken(token);
    this.#disconnect();
    await this.join();
  }

  /** Publishes; what cannot be sent now is told once there is a connection again. */
  async publish(topic: string, content: unknown): Promise<void> {
    this.#published.set(topic, content);
    if (this.#client === null || this.id === null || !this.connected) return;
    try {
      await this.#client.publish(content, topic);
      this.trouble = "";
    } catch (error) {
      // Without a connection it is told again with the next one.
      if (this.connected) this.trouble = why(error, this.status);
    }
  }

  /** Tries at once: the page is looked at again, or the network is back. */
  hurry(): void {
    if (this.status.state === "lost") this.#client?.hurry();
  }

  #connect(): Client {
    const client = new Client(this.#brokerUrl, { token: storedToken(), onStatus: (status) => this.#changed(status) });
    const text = { name: "text", type: "string" };
    client.method("say", (said: string) => this.#say(said), { description: "Shows a text on the screen", params: [text] });
    if ("vibrate" in navigator) {
      const params = [{ name: "milliseconds", type: "integer", required: false }];
      client.method("vibrate", vibrate, { description: "Vibrates; whether it could", params, result: { type: "boolean" } });
    }
    return client;
  }

  #disconnect(): void {
    this.#client?.close();
    this.#client = null;
    this.id = null;
    this.#published.clear();
  }

  #changed(status: Status): void {
    this.status = status;
    if (status.state === "lost") this.#wasLost = true;
    if (this.id === null) return;
    if (status.state === "refused") {
      this.#disconnect();
      if (status.needsToken) this.wantsToken = causeText(status.cause);
      else this.trouble = t("elsewhere");
    } else if (status.state === "connected" && this.#client?.registration === null) {
      this.#disconnect();
      this.trouble = t("taken");
    } else if (status.state === "connected" && this.#wasLost) {
      this.#wasLost = false;
      for (const [topic, content] of this.#published) void this.publish(topic, content);
    }
  }

  #say(text: string): true {
    this.sayings = [text.slice(0, LONGEST_SAYING), ...this.sayings].slice(0, 3);
    return true;
  }
}

function vibrate(milliseconds: number = VIBRATES_MS): boolean {
  return navigator.vibrate(Math.min(Math.max(milliseconds, 0), LONGEST_VIBRATION_MS));
}

/** Why something was not done, in the page's language. */
function why(error: unknown, status: Status): string {
  if (status.state === "refused") return causeText(status.cause);
  return error instanceof RpcError ? explain(error.kind, error.told) : String(error);
}
