// SPDX-License-Identifier: BSD-3-Clause

/** What a unit says (RFC 8428 section 12.1, RFC 8798 section 3), as the broker has it. Units of many quantities are not here. */
const QUANTITIES = new Map(
  Object.entries({
    temperature: ["Cel", "K"],
    pressure: ["Pa", "hPa"],
    humidity: ["%RH"],
    battery: ["%EL"],
    illuminance: ["lx"],
    luminous_flux: ["lm"],
    irradiance: ["W/m2"],
    voltage: ["V", "mV"],
    current: ["A", "mA"],
    power: ["W", "kW"],
    apparent_power: ["VA"],
    energy: ["Wh", "kWh", "J"],
    resistance: ["Ohm"],
    conductivity: ["S/m"],
    frequency: ["Hz", "MHz"],
    length: ["m", "mm", "cm", "km"],
    speed: ["m/s", "km/h"],
    acceleration: ["m/s2"],
    area: ["m2"],
    volume: ["m3", "l"],
    flow: ["m3/s", "l/s"],
    precipitation: ["mm/h"],
    mass: ["g", "kg"],
    force: ["N"],
    magnetic_field: ["T"],
    angle: ["rad", "deg"],
    acidity: ["pH"],
    turbidity: ["NTU"],
    data_rate: ["bit/s"],
  }).flatMap(([quantity, units]) => units.map((unit) => [unit, quantity] as const)),
);

/** Whose number is no count: without it they would be something else. */
const NUMBERED = new Set(
  "co2 eco2 no2 so2 o2 o3 h2 n2 ch4 nh3 pm1 pm4 pm10 pm25 pm1.0 pm2.5 pm4.0 pm10.0 ipv4 ipv6 md5 sha1".split(" "),
);

/**
 * What a resource is about, whatever it is called at its device (PROTOCOL.md, section 3.5): what its unit says, or else
 * the last part of its name without its number. `("t1", "Cel")` is `temperature`, `("sensors/led2", null)` is `led`. Pure.
 */
export function resourceType(name: string, unit: string | null): string {
  const quantity = unit === null ? undefined : QUANTITIES.get(unit);
  if (quantity !== undefined) return quantity;
  const last = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  if (NUMBERED.has(last)) return last;
  const bare = withoutEnd(last, "0123456789");
  return bare === last ? last : withoutEnd(bare, "._:-") || last;
}

function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
