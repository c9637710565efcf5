// SPDX-License-Identifier: BSD-3-Clause

/** All that the page keeps in a browser is called so. */
const PREFIX = "pyaiot.";

/** Forgets what was chosen in this browser, and who it was as a device. */
export function forgetKept(storage: Pick<Storage, "key" | "length" | "removeItem">): void {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index));
  for (const name of names) if (name?.startsWith(PREFIX)) storage.removeItem(name);
}
