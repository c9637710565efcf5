// SPDX-License-Identifier: BSD-3-Clause
import { describe, expect, it } from "vitest";
import { connectedOf, doorsOf, homeOf, MAX_GATEWAYS } from "../src/first/gateways.ts";
import { gatewayLines, sectionsOf } from "../src/first/lines.ts";

const BROKER = "ws://localhost:8000/rpc";
const PAGE = "http://localhost:8080/";

function answer(door: object, gateway: object = {}): unknown {
  return { gateways: [{ gateway: "g", state: "connected", nodes: 0, doors: [door], ...gateway }] };
}

function linesOf(door: object, { broker = BROKER, page = PAGE, gateway = {} } = {}): string[] {
  return sectionsOf(doorsOf(answer(door, gateway), broker, page)).flatMap(({ lines }) => lines.map(({ line }) => line));
}

describe("where a gateway is reached", () => {
  const door = { scheme: "coap", port: 5683 };

  it.each([
    ["all on one machine", {}, {}, BROKER, PAGE, "localhost"],
    ["seen from elsewhere, the page's host is the broker's that it calls localhost", {}, {}, BROKER, "http://barn.local:8080/", "barn.local"],
    ["a broker elsewhere", {}, {}, "wss://iot.example.org/rpc", "http://localhost:8080/", "iot.example.org"],
    ["a gateway elsewhere", {}, { address: "192.0.2.7" }, BROKER, PAGE, "192.0.2.7"],
    ["a gateway with one address", { host: "192.0.2.8" }, { address: "192.0.2.7" }, BROKER, PAGE, "192.0.2.8"],
    ["by IPv6", {}, {}, "ws://[2001:db8::1]:8000/rpc", PAGE, "2001:db8::1"],
  ])("%s", (_, more, gateway, broker, page, host) => {
    expect(doorsOf(answer({ ...door, ...more }, gateway), broker, page)).toMatchObject([{ host, onlyOn: null }]);
  });

  it("says where one has to be who cannot reach it", () => {
    const local = answer({ ...door, host: "127.0.0.1" });
    expect(doorsOf(local, BROKER, "http://barn.local:8080/")).toMatchObject([{ host: "localhost", onlyOn: "barn.local" }]);
    expect(doorsOf(local, BROKER, PAGE)).toMatchObject([{ host: "127.0.0.1", onlyOn: null }]);
    expect(doorsOf(answer({ ...door, host: "localhost" }, { address: "192.0.2.7" }), BROKER, PAGE)).toMatchObject([{ onlyOn: "192.0.2.7" }]);
  });

  it("is not asked of gateways that are away", () => {
    expect(doorsOf(answer(door, { state: "away" }), BROKER, PAGE)).toEqual([]);
    expect(connectedOf(answer(door, { state: "away" }))).toBe(0);
    expect(connectedOf(answer(door))).toBe(1);
  });

  it.each([
    { scheme: "coap; rm -rf ~", port: 1 },
    { scheme: "coap", port: 0 },
    { scheme: "coap", port: "1 ; reboot" },
    { scheme: "coap", port: 1, host: "$(reboot)" },
    { scheme: "coap", port: 1, host: "-oProxyCommand=x" },
    { scheme: "coap", port: 1, host: "a\nb" },
    { scheme: "coap", port: 1, path: "/a b" },
    { scheme: "coap", port: 1, path: '/"; reboot; "' },
    { scheme: "coap", port: 1, path: "/`reboot`" },
    null,
    7,
  ])("is nothing that a shell would take for more: %j", (wrong) => {
    expect(doorsOf({ gateways: [{ gateway: "g", state: "connected", doors: [wrong] }] }, BROKER, PAGE)).toEqual([]);
  });

  it.each([null, undefined, 1, "x", [], {}, { gateways: {} }, { gateways: [null, 1, { state: "connected", doors: 7 }] }])("survives the answer %j", (told) => {
    expect(doorsOf(told, BROKER, PAGE)).toEqual([]);
  });

  it("looks at so many only", () => {
    const many = { gateways: Array.from({ length: 200 }, () => ({ gateway: "g", state: "connected", doors: Array.from({ length: 20 }, () => door) })) };
    expect(doorsOf(many, BROKER, PAGE)).toHaveLength(MAX_GATEWAYS * 8);
  });
});

describe("lines to copy", () => {
  it("for CoAP", () => {
    expect(linesOf({ scheme: "coap", port: 5683, path: "/alive" })).toEqual([
      ".venv/bin/python utils/coap/coap-test-node.py --gateway-host localhost --gateway-port 5683 --uid bench --led --temperature --pressure",
      'coap-client-notls -m post -e "alive:my-device" coap://localhost/alive',
      'coap-client-notls -m post -e "temperature:21.5°C" coap://localhost/server',
    ]);
    const [, hello] = linesOf({ scheme: "coap", port: 7, path: "/alive" }, { broker: "ws://[2001:db8::1]:8000/rpc" });
    expect(hello).toBe('coap-client-notls -m post -e "alive:my-device" coap://[2001:db8::1]:7/alive');
  });

  it("for MQTT, and boards", () => {
    expect(linesOf({ scheme: "mqtt", port: 1886 }, { page: "http://192.0.2.1:8080/" })).toEqual([
      ".venv/bin/python utils/mqtt/mqtt-test-node.py --mqtt-host 192.0.2.1 --mqtt-port 1886",
      `mosquitto_pub -h 192.0.2.1 -p 1886 -q 1 -t node/my-device/temperature -m '{"value": 21.5, "unit": "Cel"}'`,
      "cd firmware/micropython && cp config_example.py config.py",
      'link = "mqtt://192.0.2.1:1886"',
      "mpremote cp -r aiot boards main.py config.py : + reset",
    ]);
    expect(linesOf({ scheme: "mqtts", port: 8883 })).toContain(
      `mosquitto_pub -h localhost -p 8883 --tls-use-os-certs -q 1 -t node/my-device/temperature -m '{"value": 21.5, "unit": "Cel"}'`,
    );
  });

  it("for HTTP", () => {
    expect(linesOf({ scheme: "http", port: 8002, host: "localhost", path: "/v1/nodes" })).toEqual([
      `curl -d '{"temperature": 21.5}' http://localhost:8002/v1/nodes/my-device`,
    ]);
  });

  it("for WebSocket", () => {
    expect(linesOf({ scheme: "ws", port: 8001, path: "/node" })[1]).toBe(
      `(echo '{"type": "update", "data": {"temperature": 21.5}}'; sleep 600) | .venv/bin/python -m websockets "ws://localhost:8001/node?id=my-device"`,
    );
  });

  it("has none for what is not known", () => {
    expect(linesOf({ scheme: "lora", port: 1 })).toEqual([]);
  });

  it("start gateways where there are none", () => {
    expect(gatewayLines(BROKER, "localhost").map(({ line }) => line)).toContain("aiot-coap-gateway");
    expect(gatewayLines("ws://localhost:8123/rpc", "192.0.2.1")[0]?.line).toBe("aiot-coap-gateway --broker-host 192.0.2.1 --broker-port 8123");
    expect(gatewayLines("wss://iot.example.org/rpc", homeOf("wss://iot.example.org/rpc", PAGE))[0]?.line).toBe(
      'aiot-coap-gateway --broker-host iot.example.org --broker-port "" --broker-ssl',
    );
  });
});
