// SPDX-License-Identifier: BSD-3-Clause
import { translator } from "../i18n/translate.ts";
import type { Resource } from "../live/model.ts";
import type { InformationName } from "./kinds.ts";

const NAMES = {
  en: {
    led: "LED",
    temperature: "Temperature",
    humidity: "Humidity",
    pressure: "Pressure",
    illuminance: "Illuminance",
    eco2: "eCO₂",
    co2: "CO₂",
    tvoc: "TVOC",
    tsp: "Small particles (1–2 µm)",
    tlp: "Large particles (3–10 µm)",
    uvindex: "UV index",
    battery: "Battery",
    voltage: "Voltage",
    current: "Current",
    power: "Power",
    robot: "Robot",
    ribot: "RiBot",
    imu: "Motion (IMU)",
    position: "Position",
    text: "Message",
    twitter: "Twitter",
    webcam: "Webcam",
    js: "JavaScript",
    suit_state: "Firmware update",
    dwnld: "Firmware download",
  },
  fr: {
    led: "LED",
    temperature: "Température",
    humidity: "Humidité",
    pressure: "Pression",
    illuminance: "Éclairement",
    eco2: "eCO₂",
    co2: "CO₂",
    tvoc: "COVT",
    tsp: "Particules fines (1–2 µm)",
    tlp: "Grosses particules (3–10 µm)",
    uvindex: "Indice UV",
    battery: "Batterie",
    voltage: "Tension",
    current: "Courant",
    power: "Puissance",
    robot: "Robot",
    ribot: "RiBot",
    imu: "Mouvement (IMU)",
    position: "Position",
    text: "Message",
    twitter: "Twitter",
    webcam: "Webcam",
    js: "JavaScript",
    suit_state: "Mise à jour du micrologiciel",
    dwnld: "Téléchargement du micrologiciel",
  },
} as const;

const known = translator<keyof typeof NAMES.en>(NAMES);

const information = translator<InformationName>({
  en: {
    name: "Name",
    os: "Operating system",
    board: "Board",
    mcu: "Microcontroller",
    vendor: "Vendor",
    version: "Version",
    protocol: "Protocol",
    ip: "Address",
    id: "Id",
    uid: "UID",
  },
  fr: {
    name: "Nom",
    os: "Système d’exploitation",
    board: "Carte",
    mcu: "Microcontrôleur",
    vendor: "Fabricant",
    version: "Version",
    protocol: "Protocole",
    ip: "Adresse",
    id: "Identifiant",
    uid: "UID",
  },
});

/** What people call a resource of that name, with its number: `temperature2` → `Temperature 2`. Others keep their name. */
export function labelOf(name: string): string {
  const [, bare = name, count = ""] = /^([a-z]{3,16}[._:-]?)([0-9]{1,6})$/.exec(name) ?? [];
  if (isKnown(name)) return known(name);
  const type = bare.replace(/[._:-]$/, "");
  return count !== "" && isKnown(type) ? `${known(type)} ${count}` : name;
}

/** What its device calls it, or else what people call a resource of its name. */
export function titleOf(resource: Resource): string {
  const title = resource.about.title;
  return typeof title === "string" && title.trim() !== "" ? title : labelOf(resource.name);
}

export function informationLabel(name: InformationName): string {
  return information(name);
}

function isKnown(name: string): name is keyof typeof NAMES.en {
  return Object.hasOwn(NAMES.en, name);
}
