# SPDX-License-Identifier: BSD-3-Clause
"""What is made of what was seen: checks with literals, no host needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from pyaiot.doctor.checks import broker, clock, configuration, files, key_file, mqtt, network, ports, room, versions
from pyaiot.doctor.checks import units as unit_checks
from pyaiot.doctor.checks.broker import BrokerFacts, Handshake
from pyaiot.doctor.checks.clock import Clock
from pyaiot.doctor.checks.files import FileFacts
from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.doctor.checks.mqtt import MqttFacts
from pyaiot.doctor.checks.network import Interface, Network
from pyaiot.doctor.checks.ports import Sockets
from pyaiot.doctor.checks.room import Disk, Limits
from pyaiot.doctor.checks.units import UnitFacts
from pyaiot.doctor.checks.versions import Versions
from pyaiot.doctor.findings import Finding, Level, as_json, exit_code, in_order, verdict
from pyaiot.doctor.probes import bounded
from pyaiot.doctor.proc_net import Listening
from pyaiot.doctor.report import render
from pyaiot.doctor.subjects import (
    Door,
    Place,
    Role,
    Scope,
    Subject,
    choose,
    doors,
    located,
    not_examined,
    place_of,
    roles_of,
    shows_certificate,
    tls_settings,
)
from pyaiot.doctor.unit_files import UnitFile, read_environment_file, read_unit
from pyaiot.settings import (
    BrokerSettings,
    CoapGatewaySettings,
    CommonSettings,
    DashboardSettings,
    HttpGatewaySettings,
    MqttGatewaySettings,
    UpSettings,
    WsGatewaySettings,
)
from pyaiot.systemd.units import USUAL, all_units

ROOT = Path(__file__).parents[2]


def told(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return [(each.check, each.level, each.fix) for each in findings]


def test_verdict_and_exit_code_go_by_the_worst() -> None:
    ok = Finding(check="a", level="ok", summary="well")
    note = Finding(check="b", level="note", summary="so it is")
    warning = Finding(check="c", level="warning", summary="beware", fix="mend it")
    problem = Finding(check="d", level="problem", summary="broken", fix="mend that")
    assert (exit_code([ok, note]), verdict([ok, note])) == (0, "Nothing wrong was found.")
    assert (exit_code([warning, ok]), verdict([warning, ok])) == (1, "1 warning.")
    unseen = Finding(check="keys.unseen", level="note", summary="who knows")
    assert (exit_code([unseen]), "root sees more" in verdict([unseen])) == (0, True)
    assert exit_code([problem, warning]) == 2
    assert verdict([problem, warning, warning]) == "1 problem and 2 warnings."
    assert in_order([problem, ok, problem, warning]) == [ok, warning, problem]
    shape = as_json([problem], {"host": "gate"})
    assert set(shape) == {"format", "host", "verdict", "exit_code", "findings"}
    assert set(shape["findings"][0]) == {"check", "level", "service", "summary", "fix", "facts"}


def test_the_report_fits_a_terminal_obeys_nobody_and_breaks_no_fix() -> None:
    long = "broken in a way that takes many words to tell, " * 4
    fix = "chmod 600 " + "/a/long/path" * 10
    text = render(
        ["head"], [Finding(check="x", level="problem", service="aiot up", summary=f"\x1b[2J{long}", fix=fix)], 80
    )
    assert "\x1b" not in text
    lines = text.splitlines()
    assert [line for line in lines if len(line) > 80] == [f"         → {fix}"]
    assert lines[-1] == "1 problem."
    assert "aiot up: " in text
    assert "aiot up: " not in render(
        [], [Finding(check="x", level="ok", service="aiot up", summary="y")], 80, only="aiot up"
    )


def test_what_is_true_of_several_is_said_once() -> None:
    same = [
        Finding(check="x", level="problem", service=service, summary="the broker has another key", fix="trust it")
        for service in ("gateway coap", "gateway ws")
    ]
    other = Finding(check="x", level="problem", service="aiot-broker", summary="its port is taken", fix="kill 7")
    lines = render([], [same[0], other, same[1]], None).splitlines()
    assert lines[1:] == [
        "problem  gateways coap, ws: the broker has another key",
        "         → trust it",
        "problem  aiot-broker: its port is taken",
        "         → kill 7",
        "",
        "2 problems.",
    ]
    assert len(as_json(same, {})["findings"]) == 2


def test_who_is_examined() -> None:
    keys = Scope(has_broker=True, gateways=frozenset(("coap", "mqtt")))
    assert choose(keys) == ["aiot up"]
    assert choose(Scope(has_broker=False, gateways=frozenset(("coap",)))) == ["aiot-coap-gateway"]
    apart = replace(keys, running=frozenset(("aiot-broker",)), enabled=frozenset(("aiot-ws-gateway",)))
    assert choose(apart) == ["aiot-broker", "aiot-ws-gateway"]
    assert not_examined(choose(apart), apart) == ["aiot-coap-gateway", "aiot-mqtt-gateway"]
    assert choose(replace(apart, asked=("aiot-dashboard",))) == ["aiot-dashboard"]


def test_an_mqtt_broker_is_embedded_where_it_is_installed() -> None:
    assert "mqtt-broker" in roles_of("aiot up", UpSettings(), can_embed=True)
    assert "mqtt-broker" not in roles_of("aiot up", UpSettings(), can_embed=False)
    gateway = MqttGatewaySettings(embedded_broker=True)
    assert "mqtt-broker" in roles_of("aiot-mqtt-gateway", gateway, can_embed=False)
    assert roles_of("aiot-mqtt-gateway", MqttGatewaySettings(), can_embed=True) == ("mqtt",)


def test_devices_have_a_second_port_by_tls() -> None:
    def found(settings: CommonSettings, *roles: Role) -> list[tuple[str, int, bool]]:
        return [(door.role, door.port, door.tls) for door in doors(Subject("x", settings, roles))]

    shown: dict[str, Any] = {"tls_cert": "c", "tls_key": "k"}
    assert found(WsGatewaySettings(**shown), "ws") == [("ws", 8001, False), ("ws", 8801, True)]
    assert found(HttpGatewaySettings(**shown, tls_only=True), "http") == [("http", 8802, True)]
    assert found(MqttGatewaySettings(**shown, embedded_broker=True), "mqtt", "mqtt-broker") == [
        ("mqtt-broker", 1886, False),
        ("mqtt-broker", 8883, True),
    ]
    assert found(MqttGatewaySettings(**shown), "mqtt") == []
    assert found(WsGatewaySettings(gateway_port=0), "ws") == [("ws", 0, False)]
    assert tls_settings(MqttGatewaySettings(**shown)) is None
    assert [shows_certificate(each) for each in (WsGatewaySettings(**shown), MqttGatewaySettings(**shown))] == [
        True,
        False,
    ]
    assert doors(Subject("x", WsGatewaySettings(**shown), ("ws",)))[1].port_option == "gateway_tls"


def test_where_the_broker_is() -> None:
    def place(settings: CoapGatewaySettings | BrokerSettings, name: str = "aiot-coap-gateway") -> Place | None:
        roles = {"aiot-coap-gateway": ("coap",), "aiot-broker": ("broker",), "aiot up": ("broker", "coap")}[name]
        return place_of(Subject(name, settings, roles))  # type: ignore[arg-type]

    assert place(CoapGatewaySettings(broker_host="b", broker_ssl=True, broker_ca="/ca")) == Place(
        "wss://b:8000/gw", "/ca"
    )
    assert place(CoapGatewaySettings(broker="https://b.example/iot")) == Place("wss://b.example/iot/gw")
    assert place(BrokerSettings(broker_host="::", tls_cert="c"), "aiot-broker") == Place(
        "wss://[::1]:8000/gw", verify=False
    )
    assert place(UpSettings(broker_host="0.0.0.0"), "aiot up") == Place("ws://127.0.0.1:8000/gw", verify=False)
    dashboard = Subject("aiot-dashboard", DashboardSettings(broker_url="/rpc"), ("dashboard",))
    assert place_of(dashboard) is None


def test_paths_are_where_the_process_has_them() -> None:
    found = located(BrokerSettings(key_file="~/.pyaiot/keys", actuation_map="map.toml"), "/home/x", "/srv")
    assert (found.key_file, found.actuation_map, found.config) == ("/home/x/.pyaiot/keys", "/srv/map.toml", "")


@pytest.mark.parametrize(
    ("fault", "fix"),
    [
        ("AIOT_BROKER_PORT: 'x' is not a number", "correct AIOT_BROKER_PORT"),
        ("/etc/c.toml: coap_port: 'x' is not a number", "correct coap_port in /etc/c.toml"),
        ("/c.toml: no service has an option 'b'; did you mean broker_port?", "call it broker_port (in /c.toml)"),
        ("others can read the key file /k: run chmod 600 /k", "chmod 600 /k"),
        ("Config file not found: /c.toml", "make /c.toml, or say another with --config"),
    ],
)
def test_bad_settings_name_what_is_to_be_corrected(fault: str, fix: str) -> None:
    found = configuration.check_settings("aiot-broker", fault, "the environment")
    assert (found.level, found.fix) == ("problem", fix)


def test_a_variable_that_nobody_reads_is_told() -> None:
    found = list(configuration.check_variables(["AIOT_BROKER_PROT", "AIOT_COAP_PORT", "AIOT_TOKEN", "PATH"], "x"))
    assert told(found) == [("configuration.variables", "warning", "call it AIOT_BROKER_PORT")]


def test_ports() -> None:
    door = Door("aiot-broker", "broker", "TCP", "localhost", 8000, "broker")
    seen = Sockets([], {}, {"localhost": ("127.0.0.1",), "::": ("::",)})

    def judged(door: Door, *listening: Listening, ours: dict[int, str] | None = None) -> tuple[str, str, str]:
        return told(ports.check_ports([door], replace(seen, listening=listening, ours=ours or {})))[0]

    stranger = Listening("TCP", "0.0.0.0", 8000, 1, 0, 77, "nginx")
    assert judged(door)[:2] == ("ports.free", "ok")
    check, level, fix = judged(door, stranger)
    assert (check, level) == ("ports.taken", "problem")
    assert fix == "kill 77; or take another port: AIOT_BROKER_PORT=8001, or --broker-port"
    assert judged(door, replace(stranger, pid=None))[2].startswith("sudo aiot doctor tells which")
    assert judged(door, replace(stranger, pid=1))[2].startswith("systemctl list-sockets")
    assert judged(door, replace(stranger, transport="UDP"))[0] == "ports.free"
    assert judged(door, replace(stranger, address="192.0.2.7"))[0] == "ports.free"
    assert judged(door, stranger, ours={77: "aiot up"})[0] == "ports.open"
    assert judged(replace(door, pid=77), stranger)[0] == "ports.open"
    assert judged(replace(door, pid=78), stranger)[0] == "ports.taken"
    assert judged(replace(door, pid=78))[:2] == ("ports.closed", "problem")
    assert judged(replace(door, host="::"), replace(stranger, address="127.0.0.1"))[0] == "ports.taken"
    assert judged(replace(door, host="nowhere"))[:2] == ("ports.host", "problem")
    elsewhere = replace(seen, resolved={"localhost": ("192.0.2.7",)}, foreign=frozenset(("192.0.2.7",)))
    assert told(ports.check_ports([door], elsewhere))[0][0] == "ports.host"
    without_ipv6 = replace(seen, resolved={"localhost": ("127.0.0.1", "::1")}, foreign=frozenset(("::1",)))
    assert told(ports.check_ports([door], without_ipv6))[0][0] == "ports.free"
    metrics = [Door(f"aiot-{name}", "metrics", "TCP", "localhost", 9100, "metrics") for name in ("broker", "dashboard")]
    assert [each[0] for each in told(ports.check_ports(metrics, seen))] == ["ports.free", "ports.twice"]
    running = [replace(each, pid=7) for each in metrics]  # as two services that are one process
    assert "ports.twice" not in {each[0] for each in told(ports.check_ports(running, seen))}
    assert [each.level for each in ports.check_devices_doors([replace(door, role="coap", host="::")], seen)] == ["note"]


FILE = FileFacts(path="/k", folder="/", exists=True, mode=0o600, uid=0, folder_mode=0o700)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FILE, []),
        (replace(FILE, mode=0o644), [("keys.mode", "problem", "chmod 600 /k")]),
        (replace(FILE, mode=0o440, credential=True), []),
        (replace(FILE, folder_mode=0o777), [("keys.folder", "problem", "chmod 700 /")]),
        (replace(FILE, folder_mode=0o1777), []),
        (replace(FILE, wanted_uid=5), [("keys.owner", "problem", "chown 5 /k")]),
        (replace(FILE, exists=False), [("keys.missing", "problem", "make it")]),
        (replace(FILE, regular=False), [("keys.kind", "problem", "move it away, then: make it")]),
        (replace(FILE, error="Permission denied"), [("keys.unseen", "note", "")]),
    ],
)
def test_files(facts: FileFacts, expected: list[tuple[str, str, str]]) -> None:
    assert told(files.check_private(facts, "keys", "key file", "make it", needed=True, by="x")) == expected


def test_a_copy_that_is_older_than_its_file_is_told() -> None:
    assert list(files.check_copy("aiot-broker", "/k", certificate=False, stale=False)) == []
    stale = files.check_copy("aiot-broker", "/k", certificate=False, stale=True)
    assert told(stale) == [("keys.stale", "warning", "systemctl restart aiot-broker")]


def test_the_key_file_has_what_services_need() -> None:
    subject = Subject("aiot-broker", UpSettings(), ("broker", "coap"))
    well = KeyFacts(
        file=FILE, command="gen", broker="B", trusted="B", gateways={"coap": "C"}, authorized={"coap": "C"}, clients=1
    )

    def judged(facts: KeyFacts) -> list[tuple[str, str, str]]:
        return [each for each in told(key_file.check_key_file(facts, [subject])) if each[1] != "ok"]

    assert judged(well) == []
    assert judged(replace(well, trusted="X")) == [("keys.trusted", "problem", "gen --trust-broker B")]
    assert judged(replace(well, trusted=None)) == [("keys.trusted", "problem", "gen --trust-broker B")]
    assert judged(replace(well, authorized={})) == [("keys.authorized", "problem", "gen --authorize coap C")]
    assert judged(replace(well, gateways={"a": "A", "b": "B"}))[0] == ("keys.gateway", "problem", "gen --gateway coap")
    assert judged(replace(well, broker=None))[0] == ("keys.broker", "problem", "gen")
    assert judged(KeyFacts(file=FILE, command="gen", fault="line 3 …"))[0][0] == "keys.content"


def test_a_unit_is_to_be_given_no_keys_of_others() -> None:
    shared = KeyFacts(file=FILE, command="gen", broker="B", gateways={"coap": "C"})

    def judged(facts: KeyFacts, service: str) -> list[tuple[str, str, str]]:
        return told(key_file.check_apart(facts, service))

    ((check, level, fix),) = judged(shared, "aiot-coap-gateway")
    assert (check, level, fix.partition(" ")[0]) == ("keys.apart", "note", "aiot")
    assert judged(replace(shared, broker=None), "aiot-coap-gateway") == []
    assert judged(shared, "aiot-broker") == []
    assert judged(replace(shared, apart=True), "aiot-broker")[0][2] == "once these run: gen --split"


def test_the_broker_and_who_it_is() -> None:
    keys = KeyFacts(file=FILE, command="gen", gateways={"coap": "C"})
    well = BrokerFacts(
        url="ws://b:8000/gw",
        here=False,
        expected=True,
        reached="answered",
        health={"version": "1.2"},
        handshakes={"coap": Handshake("proved", "B")},
    )

    def judged(facts: BrokerFacts, keys: KeyFacts = keys) -> list[tuple[str, str, str]]:
        return told(broker.check_broker(facts, keys, "1.2", ["aiot-coap-gateway"]))

    def shaken(handshake: Handshake, keys: KeyFacts = keys) -> str:
        return judged(replace(well, handshakes={"coap": handshake}), keys)[-1][2]

    assert [each[1] for each in judged(well)] == ["ok", "ok"]
    assert judged(replace(well, health={"version": "1.1"}))[0][:2] == ("broker.version", "warning")
    assert shaken(Handshake("stranger", "X")).startswith("gen --trust-broker X   (only if")
    assert shaken(Handshake("stranger", "X"), replace(keys, broker="X")) == "gen --trust-broker X"
    here = replace(well, here=True, handshakes={"coap": Handshake("stranger", "X")})
    assert judged(here, replace(keys, broker="Y", trusted="Y"))[-1][2].startswith("start this host's broker again")
    assert shaken(Handshake("not admitted", "B")) == "at the broker: aiot-generate-keys --authorize coap C"
    assert shaken(Handshake("claimed", "B")) == ""
    assert judged(replace(well, handshakes={"coap": Handshake("claimed", "B")}))[-1][:2] == ("broker.identity", "note")
    away = replace(well, reached="connect", fault="connection refused", handshakes={})
    assert judged(away)[0][:2] == ("broker.connect", "problem")
    assert judged(replace(away, here=True))[0][2].startswith("aiot up")
    assert "AIOT_BROKER_SSL=yes" in judged(replace(away, reached="http"))[0][2]
    assert "too busy" in judged(replace(away, reached="http", fault=bounded.reason_of(TimeoutError())))[0][2]
    idle = replace(away, here=True, expected=False)
    assert judged(idle)[0][1:] == ("note", "")
    assert [judged(replace(idle, reached=step))[0][1] for step in ("tls", "http")] == ["problem"] * 2
    tls = replace(away, reached="tls", fault="what answers there does not speak TLS")
    assert judged(tls)[0][2].startswith("AIOT_BROKER_SSL=no")


def test_the_mqtt_broker() -> None:
    well = MqttFacts(host="m", port=1883, user="gw", here=False, expected=True, reached="connack")
    codes = [next(mqtt.check_mqtt(replace(well, code=code), "x")) for code in range(6)]
    codes[0] = next(mqtt.check_mqtt(replace(well, reached="suback"), "x"))
    assert [(each.check, each.level) for each in codes] == [("mqtt.answered", "ok")] + [("mqtt.connack", "problem")] * 5
    deaf = next(mqtt.check_mqtt(replace(well, reached="suback", code=0x80, user=""), "x"))
    assert (deaf.level, "aiot device add NAME --gateway" in deaf.fix) == ("problem", True)
    assert "AIOT_MQTT_PASSWORD_FILE" in codes[4].fix
    idle = replace(well, expected=False, fault="x")
    levels = [next(mqtt.check_mqtt(replace(idle, reached=step), "x")).level for step in ("connect", "tls", "answer")]
    assert levels == ["note", "problem", "problem"]
    assert next(mqtt.check_mqtt(replace(well, reached="connect", fault="x", here=True), "x")).fix.startswith("start it")
    assert "3.1.1" in codes[1].summary


def test_the_clock() -> None:
    now = 1_800_000_000.0
    assert told(clock.check_clock(Clock(0.0, None, True)))[0][:2] == ("clock.year", "problem")
    assert told(clock.check_clock(Clock(now, False, True)))[0][:2] == ("clock.synchronised", "warning")
    assert told(clock.check_clock(Clock(now, False, False)))[0][:2] == ("clock.synchronised", "note")
    assert [list(clock.check_difference("b", each)) for each in (None, 1.0, -3.0)] == [[], [], []]
    assert "100 s behind" in next(clock.check_difference("b", -100.0)).summary


def test_interfaces() -> None:
    lo, tap = Interface("lo", True, ("127.0.0.1",)), Interface("tap0", True, ("fe80::1",))

    def judged(interface: str, *found: Interface, ipv6: bool = True) -> list[tuple[str, str, str]]:
        subject = Subject("aiot-coap-gateway", CoapGatewaySettings(interface=interface), ("coap",))
        return told(network.check_network(Network(found, ipv6), [subject]))[1:]

    assert judged("tap0", lo, tap) == [("network.interface", "ok", "")]
    assert judged("tap1", lo, tap) == [("network.interface", "problem", "AIOT_INTERFACE= one of these: lo, tap0")]
    assert judged("tap0", replace(tap, up=False))[0][2] == "ip link set tap0 up"
    assert judged("tap0", replace(tap, addresses=()))[0][1] == "warning"
    assert judged("", lo, tap)[0][:2] == ("network.interface", "note")
    assert judged("", lo, ipv6=False) == [("network.ipv6", "problem", "AIOT_COAP_HOST=0.0.0.0 (--coap-host)")]


def test_room() -> None:
    disk = Disk(
        folder="/d", free_bytes=10**9, files=10**6, read_only=False, writable=True, purpose="the log", service="x"
    )

    def judged(**change: object) -> tuple[str, str]:
        return told(room.check_disk(replace(disk, **change)))[0][:2]  # type: ignore[arg-type]

    assert judged() == ("disk.room", "ok")
    assert judged(free_bytes=10**8) == ("disk.room", "warning")
    assert judged(free_bytes=10**6) == ("disk.room", "problem")
    assert judged(files=3) == ("disk.room", "problem")
    assert judged(read_only=True) == ("disk.read_only", "problem")
    assert judged(read_only=True, purpose="") == ("disk.room", "ok")
    assert judged(writable=False) == ("disk.writable", "problem")
    assert not list(room.check_limits(Limits(service="x", files=None, servers=5)))
    assert told(room.check_limits(Limits(service="x", files=1024, servers=5)))[0][1] == "warning"
    assert next(room.check_memory(10**7)).level == "warning"


def test_versions() -> None:
    assert versions.satisfies("0.4.17", ">=0.4.17,<0.5")
    assert not versions.satisfies("0.5.0", ">=0.4.17,<0.5")
    assert versions.satisfies("15.0.1.post2", ">=15.0.1")
    assert not versions.satisfies("1.4", "~=1.4.2")
    well = Versions(
        python=(3, 11, 2),
        ours="1.0",
        installed="1.0",
        requires_python=">=3.11",
        requires=(
            "tornado>=6.5",
            'amqtt<0.13,>=0.12.1; extra == "mqtt-broker"',
            "uvloop>=0.21; sys_platform != 'win32'",
        ),
        found={"tornado": "6.5.1", "uvloop": "0.21", "amqtt": None},
    )

    def judged(facts: Versions, embedded: Level | None = None) -> list[tuple[str, str, str]]:
        found = versions.check_versions(facts, embedded=embedded, dashboard=True, python="py")
        return [each for each in told(found) if each[1] != "ok"]

    assert judged(well) == []
    assert judged(well, "problem") == [("versions.requirements", "problem", "py -m pip install 'pyaiot[mqtt-broker]'")]
    assert judged(well, "note")[0][1] == "note"
    old = replace(well, found={"tornado": "6.4", "uvloop": None})
    assert [each[:2] for each in judged(old)] == [
        ("versions.requirements", "warning"),
        ("versions.requirements", "note"),
    ]
    assert judged(old)[0][2] == "py -m pip install 'tornado>=6.5'"
    assert judged(replace(well, python=(3, 10, 0)))[0][0] == "versions.python"
    assert judged(replace(well, installed="0.9"))[0][:2] == ("versions.pyaiot", "warning")
    assert judged(replace(well, page="none built. Run x"))[0][0] == "versions.page"


def test_units_are_read_as_systemd_reads_them() -> None:
    text = all_units(USUAL)["aiot-ws-gateway.service"]
    unit = read_unit("aiot-ws-gateway", "/etc/systemd/system/aiot-ws-gateway.service", text)
    assert unit.program == "/usr/local/bin/aiot-ws-gateway"
    assert unit.settings == ("/etc/pyaiot/environment", "/etc/pyaiot/aiot-ws-gateway.environment")
    assert unit.environment["AIOT_KEY_FILE"] == "/etc/pyaiot/aiot-ws-gateway/keys"
    assert unit.environment["AIOT_DEVICE_OWNERS"] == "/var/lib/aiot-ws-gateway/device-owners"
    assert read_environment_file("# c\nA=1\n B = 'x y'\n;\nnonsense\n") == {"A": "1", "B": "x y"}
    well = UnitFacts(unit=unit, programs="/usr/local/bin", exists=True, text=text, expected=text)

    def judged(facts: UnitFacts) -> list[tuple[str, str]]:
        return [each[:2] for each in told(unit_checks.check_unit(facts))]

    assert judged(well) == []
    assert judged(replace(well, exists=False)) == [("units.program", "problem")]
    assert judged(replace(well, programs="/opt/bin")) == [("units.installation", "warning")]
    assert judged(replace(well, expected="other")) == [("units.version", "note")]
    assert judged(replace(well, state={"ActiveState": "failed"})) == [("units.failed", "problem")]
    assert judged(replace(well, state={"NRestarts": "9"})) == [("units.restarts", "warning")]
    assert judged(replace(well, settings_modes={"/e": 0o644})) == []
    assert judged(replace(well, settings_modes={"/e": 0o664})) == [("units.settings", "warning")]
    ages = [(99.0, 100.0, "/opt/bin"), (101.0, 100.0, "/opt/bin"), (99.0, None, "/opt/bin"), (99.0, 100.0, "/other")]
    unit = UnitFile("aiot-broker", "/x/aiot-broker.service", "/opt/bin/aiot-broker")
    found = [list(unit_checks.check_age(unit, programs, since, then)) for since, then, programs in ages]
    assert [[each.fix for each in some] for some in found] == [["systemctl restart aiot-broker"], [], [], []]
    assert [each.check for each in unit_checks.check_enabled(["aiot-broker"], [])] == ["units.enabled"]
    assert list(unit_checks.check_enabled(["aiot-broker"], ["aiot-broker"])) == []


def test_every_check_is_on_its_page() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "pyaiot" / "doctor").rglob("*.py"))
    ids = set(re.findall(r'check="([a-z.]+_?[a-z]*)"', source)) | set(re.findall(r'"(keys\.[a-z]+)"', source))
    assert len(ids) > 40
    ids |= {f"broker.{step}" for step in get_args(broker.Step)} | {f"mqtt.{step}" for step in get_args(mqtt.Step)}
    files_ids = ("missing", "unseen", "kind", "mode", "folder", "owner", "content")
    ids |= {f"{kind}.{each}" for kind in ("keys", "devices.file") for each in files_ids} | {"devices.keys"}
    ids |= {f"disk.{each}" for each in ("room", "read_only", "writable")}
    told: set[str] = set()
    for line in (ROOT / "docs" / "doctor.md").read_text().partition("## The checks")[2].splitlines():
        before = ""
        for name in re.findall(r"`([a-z_.]+)`", line.partition(" | ")[0]):
            before = before if name.startswith(".") else name.rpartition(".")[0]
            told.add(before + name if name.startswith(".") else name)
    assert told == ids
