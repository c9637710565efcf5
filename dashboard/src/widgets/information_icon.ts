// SPDX-License-Identifier: BSD-3-Clause
import BuildingIcon from "@lucide/svelte/icons/factory";
import CableIcon from "@lucide/svelte/icons/waypoints";
import ChipIcon from "@lucide/svelte/icons/cpu";
import BoardIcon from "@lucide/svelte/icons/circuit-board";
import FingerprintIcon from "@lucide/svelte/icons/fingerprint";
import HashIcon from "@lucide/svelte/icons/hash";
import MicrochipIcon from "@lucide/svelte/icons/microchip";
import NetworkIcon from "@lucide/svelte/icons/network";
import PhoneIcon from "@lucide/svelte/icons/smartphone";
import TagIcon from "@lucide/svelte/icons/tag";
import TerminalIcon from "@lucide/svelte/icons/terminal";
import WormIcon from "@lucide/svelte/icons/worm";
import type { InformationName } from "./kinds.ts";

/** Of each kind of information; that of the operating system goes by which it is. */
const ICONS = {
  name: TagIcon,
  os: ChipIcon,
  board: BoardIcon,
  mcu: MicrochipIcon,
  vendor: BuildingIcon,
  version: TagIcon,
  protocol: CableIcon,
  ip: NetworkIcon,
  id: HashIcon,
  uid: FingerprintIcon,
} as const;

const SYSTEMS = [
  [/riot/i, BoardIcon],
  [/android|ios/i, PhoneIcon],
  [/python/i, WormIcon],
  [/linux|raspb|debian|ubuntu|unix|bsd|darwin|macos|windows/i, TerminalIcon],
] as const;

const LONGEST_SYSTEM = 64;

export type Icon = (typeof ICONS)[InformationName];

/** The picture of what a device runs. */
export function systemIcon(os: string): Icon {
  const name = os.slice(0, LONGEST_SYSTEM);
  return SYSTEMS.find(([pattern]) => pattern.test(name))?.[1] ?? ChipIcon;
}

export function informationIcon(name: InformationName, text: string): Icon {
  return name === "os" ? systemIcon(text) : ICONS[name];
}
