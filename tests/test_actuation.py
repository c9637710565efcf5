# SPDX-License-Identifier: BSD-3-Clause
"""Which component, command and parameter a resource is on a device's platform, and how a value is said there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.actuation import (
    MAX_MAP_BYTES,
    ActuationMap,
    Actuator,
    Ambiguous,
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


@pytest.mark.parametrize(
    ("device", "actuator", "resource"),
    [
        ("jim", Actuator("LED", "LED.v1.0", "LED"), "led"),
        ("jim", Actuator("Lamp", "Lamp.v2.0", "on"), "lights/1"),
        ("joe", Actuator(UUID, "LED.v1.0", "LED"), "led"),
        ("joe", Actuator("Lamp", "Lamp.v2.0", "on"), "lights/1"),
        ("a:b", Actuator("relay", "RELAY.v1.0", "state"), "relay"),
        # Without an entry the component is the resource.
        ("jim", Actuator("fan", "FAN.v1.0", "FAN"), "fan"),
        ("jim", Actuator("fans/1", "FANS/1.v1.0", "FANS/1"), "fans/1"),
        ("jim", Actuator("relay", "RELAY.v1.0", "RELAY"), "relay"),
        # What is called otherwise is called so no more, nor by halves.
        ("jim", Actuator("led", "LED.v1.0", "LED"), None),
        ("joe", Actuator("led", "LED.v1.0", "LED"), None),
        ("joe", Actuator("LED", "LED.v1.0", "LED"), "LED"),
        ("a:b", Actuator("relay", "RELAY.v1.0", "RELAY"), None),
        ("jim", Actuator("fan", "FAN.v1.0", "fan"), None),
        ("jim", Actuator("fan", "FAN.v2.0", "FAN"), None),
        ("jim", Actuator(UUID, "LED.v1.0", "LED"), None),
        ("jim", Actuator("f n", "F N.v1.0", "F N"), None),
        ("jim", Actuator("/fan", "/FAN.v1.0", "/FAN"), None),
    ],
)
def test_OI_9_a_command_is_of_the_resource_that_would_be_told_it(
    device: str, actuator: Actuator, resource: str | None
) -> None:
    assert parse_map(MAP).reversed().resource(device, actuator) == resource


def test_two_resources_with_one_name_are_told_apart_by_nobody() -> None:
    text = "[resources.a]\ncomponent='x'\ncommand='C'\nparameter='P'\n[resources.b]\ncomponent='x'\ncommand='C'\n"
    assert parse_map(text).reversed().resource("joe", Actuator("x", "C", "P")) == "a"
    both = parse_map(text + "parameter='P'\n[devices.jim.a]\ncomponent='y'\n").reversed()
    with pytest.raises(Ambiguous, match="a and also b"):
        both.resource("joe", Actuator("x", "C", "P"))
    assert both.resource("jim", Actuator("x", "C", "P")) == "b"


NAMES = st.sampled_from(["led", "LED", "fan", "a/b", "A"])
ENTRIES = st.dictionaries(NAMES, st.builds(Actuator, *[st.sampled_from(["led", "LED", "LED.v1.0", "fan", "A"])] * 3))


@given(ENTRIES, st.dictionaries(st.sampled_from(["joe", "jim"]), ENTRIES), NAMES)
def test_the_way_back_leads_to_where_one_came_from(
    shared: dict[str, Actuator], own: dict[str, dict[str, Actuator]], resource: str
) -> None:
    known = ActuationMap(shared, own)
    actuator = known.actuator("joe", resource)
    alike = {each for each in {*known.named("joe"), resource} if known.actuator("joe", each) == actuator}
    named = alike & set(known.named("joe"))
    try:
        found = known.reversed().resource("joe", actuator)
    except Ambiguous:
        assert len(named) > 1
    else:
        assert found in (named or alike)
        assert len(named) < 2
