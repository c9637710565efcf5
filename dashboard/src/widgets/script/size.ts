// SPDX-License-Identifier: BSD-3-Clause

/** What a script may take in a message to the broker, which takes 16,384 bytes with everything around it. */
export const MAX_SENT_BYTES = 15_872;

/** The bytes that a text takes in a message: quotes, ends of lines and what is not ASCII cost more than one. */
export function sentBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
