// SPDX-License-Identifier: BSD-3-Clause

const KEY = "pyaiot.token";

/** The token that somebody gave in this tab, or null. */
export function storedToken(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Keeps it until this tab is closed. */
export function storeToken(token: string): void {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // No storage in this browser's mode: the field will ask again after a reload.
  }
}
