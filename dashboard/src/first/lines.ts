// SPDX-License-Identifier: BSD-3-Clause
import { inUrl, isLoopback } from "../hosts.ts";
import type { Door } from "./gateways.ts";

/** A way to connect a device, as a tab. */
export const WAYS = ["simulated", "coap", "mqtt", "http", "ws", "micropython"] as const;
export type Way = (typeof WAYS)[number];

/** One line to copy, and what it does: a key of `strings.ts`. */
export interface Line {
  readonly does: "start" | "hello" | "value" | "configure" | "edit" | "copy" | "gateway";
  readonly line: string;
}

export interface Section {
  readonly way: Way;
  readonly lines: readonly Line[];
  readonly door: Door;
}

/** What the device of the lines is called. */
export const DEVICE = "my-device";

const SCHEMES: Readonly<Record<Way, readonly string[]>> = {
  simulated: ["coap", "mqtt", "ws"],
  coap: ["coap"],
  mqtt: ["mqtt", "mqtts"],
  http: ["http", "https"],
  ws: ["ws", "wss"],
  micropython: ["mqtt", "mqtts", "ws", "wss"],
};
const USUAL_PORTS: Readonly<Record<string, number>> = { coap: 5683, http: 80, https: 443, ws: 80, wss: 443 };

/** The ways that there are doors for, each by the first door that will do. Pure. */
export function sectionsOf(doors: readonly Door[]): readonly Section[] {
  return WAYS.flatMap((way) => {
    const door = SCHEMES[way].flatMap((scheme) => doors.filter((door) => door.scheme === scheme))[0];
    return door === undefined ? [] : [{ way, door, lines: LINES[way](door) }];
  });
}

const LINES: Readonly<Record<Way, (door: Door) => readonly Line[]>> = {
  simulated: (door) => [{ does: "start", line: simulated(door) }],
  coap: (door) => [
    { does: "hello", line: `coap-client-notls -m post -e "alive:${DEVICE}" ${urlOf(door)}` },
    { does: "value", line: `coap-client-notls -m post -e "temperature:21.5°C" ${urlOf({ ...door, path: "/server" })}` },
  ],
  mqtt: ({ scheme, host, port }) => [
    {
      does: "value",
      line: `mosquitto_pub -h ${host} -p ${String(port)}${scheme === "mqtts" ? " --tls-use-os-certs" : ""} -q 1 -t node/${DEVICE}/temperature -m '{"value": 21.5, "unit": "Cel"}'`,
    },
  ],
  http: (door) => [{ does: "value", line: `curl -d '{"temperature": 21.5}' ${urlOf(door)}/${DEVICE}` }],
  // A device is there as long as its connection is.
  ws: (door) => [
    {
      does: "value",
      line: `(echo '{"type": "update", "data": {"temperature": 21.5}}'; sleep 600) | .venv/bin/python -m websockets "${urlOf(door)}?id=${DEVICE}"`,
    },
  ],
  micropython: (door) => [
    { does: "configure", line: "cd firmware/micropython && cp config_example.py config.py" },
    { does: "edit", line: `link = "${urlOf(door)}"` },
    { does: "copy", line: "mpremote cp -r aiot boards main.py config.py : + reset" },
  ],
};

/** What starts gateways where there are none, for a broker at `home` that the page reaches at `brokerUrl`. Pure. */
export function gatewayLines(brokerUrl: string, home: string): readonly Line[] {
  const { protocol, port } = new URL(brokerUrl);
  const host = isLoopback(home) ? "" : ` --broker-host ${home}`;
  const ssl = protocol === "wss:" ? " --broker-ssl" : "";
  const given = port === "" ? ` --broker-port ""` : port === "8000" ? "" : ` --broker-port ${port}`;
  const commands = ["aiot-coap-gateway", "aiot-mqtt-gateway --embedded-broker", "aiot-http-gateway", "aiot-ws-gateway"];
  return commands.map((command) => ({ does: "gateway", line: command + host + given + ssl }));
}

function simulated({ scheme, host, port }: Door): string {
  if (scheme === "mqtt") return `.venv/bin/python utils/mqtt/mqtt-test-node.py --mqtt-host ${host} --mqtt-port ${String(port)}`;
  const at = `--gateway-host ${host} --gateway-port ${String(port)}`;
  if (scheme === "ws") return `.venv/bin/python utils/ws/ws-test-node.py ${at}`;
  return `.venv/bin/python utils/coap/coap-test-node.py ${at} --uid bench --led --temperature --pressure`;
}

function urlOf({ scheme, host, port, path }: Door): string {
  return `${scheme}://${inUrl(host)}${USUAL_PORTS[scheme] === port ? "" : `:${String(port)}`}${path}`;
}
