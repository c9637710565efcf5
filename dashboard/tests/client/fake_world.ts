// SPDX-License-Identifier: BSD-3-Clause
import type { Socket, World } from "../../client/link.js";

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

/** The broker's end of a connection: what the client said, and what a test has it hear. */
export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Message[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Message);
  }
  close(): void {
    this.closed = true;
  }
  async opens(): Promise<void> {
    this.onopen?.({});
    await settled();
  }
  async says(data: unknown): Promise<void> {
    this.onmessage?.({ data: typeof data === "string" || data instanceof ArrayBuffer ? data : JSON.stringify(data) });
    await settled();
  }
  async tells(method: string, params: unknown): Promise<void> {
    await this.says({ jsonrpc: "2.0", method, params });
  }
  /** The newest request of this method that was not answered here yet. */
  #answered = new Set<number>();
  asked(method: string): Message & { id: number } {
    const found = this.sent.filter((each) => each.method === method && each.id !== undefined && !this.#answered.has(each.id)).at(-1);
    if (found === undefined) throw new Error(`${method} was not asked for, but ${this.sent.map(({ method }) => method).join()}`);
    return found as Message & { id: number };
  }
  async answers(method: string, result: unknown): Promise<void> {
    const { id } = this.asked(method);
    this.#answered.add(id);
    await this.says({ jsonrpc: "2.0", id, result });
  }
  async refuses(method: string, code: number, kind: string, message = "no"): Promise<void> {
    const { id } = this.asked(method);
    this.#answered.add(id);
    await this.says({ jsonrpc: "2.0", id, error: { code, message, data: { code: kind } } });
  }
  closes(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
  get methods(): string[] {
    return this.sent.map(({ method }) => method ?? "");
  }
}

/** Lets promises go on; nothing here waits for time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** Time that moves only when told to. */
export class FakeWorld implements World {
  sockets: FakeSocket[] = [];
  timers: { atMs: number; callback: () => void }[] = [];
  nowMs = 1_000_000;
  luck = 1;
  refuse: Error | null = null;

  open = (): FakeSocket => {
    if (this.refuse !== null) throw this.refuse;
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  now = (): number => this.nowMs;
  random = (): number => this.luck;
  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.nowMs = due.atMs;
      due.callback();
    }
    this.nowMs = endMs;
  }
  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket");
    return socket;
  }
}
