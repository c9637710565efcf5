// SPDX-License-Identifier: BSD-3-Clause

/** How many px a rem has, for what is laid out by script; another where another size is chosen, or the screen is wider. */
class Rem {
  px = $state(measured());

  measure(): void {
    this.px = measured();
  }
}

function measured(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

export const rem = new Rem();
