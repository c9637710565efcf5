# SPDX-License-Identifier: BSD-3-Clause
"""Which component, command and parameter a resource is on a device's platform, and how a value is said there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyaiot.actuation import (
    MAX_MAP_BYTES,
    ActuationMap,
    Actuator,
    BadMap,
    parse_map,
)
from pyaiot.actuation_file import read_actuation_map
from pyaiot.options import ConfigurationError

UUID = "436e7e74-6771-4898-9057-26932f5eb7e1"
MAP = f"""
[resources.led]
component = "LED"

[resources."lights/1"]
component = "Lamp"
command = "Lamp.v2.0"
parameter = "on"

[devices.joe.led]
component = "{UUID}"

[devices."a:b".relay]
parameter = "state"
"""


def test_without_a_map_a_resource_is_the_parameter_of_its_own_command_OI_9() -> None:
    assert ActuationMap().actuator("joe", "led") == Actuator("led", "LED.v1.0", "LED")
    assert ActuationMap().named("joe") == []


def test_what_a_map_leaves_out_is_as_without_it() -> None:
    known = parse_map(MAP)
    assert known.actuator("jim", "led") == Actuator("LED", "LED.v1.0", "LED")
    assert known.actuator("jim", "lights/1") == Actuator("Lamp", "Lamp.v2.0", "on")
    assert known.actuator("jim", "fan") == Actuator("fan", "FAN.v1.0", "FAN")


def test_a_device_has_components_of_its_own() -> None:
    known = parse_map(MAP)
    assert known.actuator("joe", "led") == Actuator(UUID, "LED.v1.0", "LED")
    assert known.actuator("joe", "lights/1").component == "Lamp"
    assert known.actuator("a:b", "relay") == Actuator("relay", "RELAY.v1.0", "state")
    assert known.named("a:b") == ["led", "lights/1", "relay"]
    assert known.named("jim") == ["led", "lights/1"]


def test_an_empty_map_is_one() -> None:
    assert parse_map("") == ActuationMap()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[resources.led", "not TOML"),
        ("a = [" * 2000, "not TOML"),
        ("[led]\ncomponent = 'LED'", r"\[led\] is neither"),
        ("resources = 1", "resources is not a table"),
        ("[resources]\nled = 'LED'", "resources.led is not a table"),
        ("[resources.led]\ncomponent = 1", "component is not a text"),
        ("[resources.led]\ncommand = ''", "command is not a text"),
        (f"[resources.led]\nparameter = '{'x' * 129}'", "parameter is not a text"),
        ('[resources.led]\nparameter = "a\\nb"', "parameter is not a text"),
        ("[resources.led]\ncomponnent = 'LED'", "'componnent' is none of"),
        ("[resources.'l e d']", "no resource can be called"),
        ("[devices.joe]\nled = 1", "devices.joe.led is not a table"),
        ("[devices]\njoe = 1", "devices.joe is not a table"),
        ("[devices.'j o'.led]", "'j o' is not 1 to 64"),
        ("[devices.joe.'/led']", "no resource can be called"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(BadMap, match=reason) as wrong:
        parse_map(text)
    assert str(wrong.value).isprintable()


def test_a_file_is_read_as_the_option_names_it(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    assert read_actuation_map(str(tmp_path / "map.toml")) == parse_map(MAP)
    assert read_actuation_map("") is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "is not text"),
        (b"[led]", "is neither"),
        (b"#" * (MAX_MAP_BYTES + 1), "is longer than"),
    ],
    ids=["missing", "not text", "no map", "too long"],
)
def test_a_file_that_is_no_map_is_a_mistake_with_advice(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "map.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"--actuation-map: {path}.*{reason}"):
        read_actuation_map(str(path))
