// SPDX-License-Identifier: BSD-3-Clause

/** What a robot is told, in the order of the pad: one letter each. */
export const COMMANDS = ["u", "l", "s", "r", "d"] as const;
export type Command = (typeof COMMANDS)[number];

const KEYS = new Map<string, Command>([
  ["ArrowUp", "u"],
  ["ArrowDown", "d"],
  ["ArrowLeft", "l"],
  ["ArrowRight", "r"],
  [" ", "s"],
]);

export function isCommand(said: unknown): said is Command {
  return COMMANDS.some((command) => command === said);
}

/** The command of a key, if it is one of the pad's. */
export function commandOfKey(key: string): Command | undefined {
  return KEYS.get(key);
}

/** The command that the device says it follows; null when it says something else. */
export function commandOf(said: unknown): Command | null {
  const text = typeof said === "string" ? said.trim() : "";
  return COMMANDS.find((command) => command === text) ?? null;
}

/** Of the commands those that this device takes: all, where it did not say. */
export function commandsOf(choices: readonly unknown[] | undefined): ReadonlySet<Command> {
  const taken = choices === undefined ? [] : COMMANDS.filter((command) => choices.includes(command));
  return new Set(taken.length === 0 ? COMMANDS : taken);
}
