# SPDX-License-Identifier: BSD-3-Clause
"""Settings: defaults < file < environment < flags, everything checked, and a mistake is one line."""

from __future__ import annotations

import dataclasses
import os
import re
import string
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pyaiot import options
from pyaiot.options import ConfigurationError
from pyaiot.settings import (
    ALL_SETTINGS,
    BrokerSettings,
    CoapGatewaySettings,
    CommonSettings,
    DashboardSettings,
    GatewaySettings,
    UpSettings,
)
from tests.patience import PATIENCE_S

from .wire import fuzz

BIN = Path(sys.executable).parent
COMMANDS: dict[str, tuple[list[str], type[CommonSettings]]] = {
    "aiot-broker": (["aiot-broker"], BrokerSettings),
    "aiot-coap-gateway": (["aiot-coap-gateway"], CoapGatewaySettings),
    "aiot-dashboard": (["aiot-dashboard"], DashboardSettings),
    "aiot up": (["aiot", "up"], UpSettings),
}


def load(*arguments: str, settings: type[Any] = UpSettings, env: dict[str, str] | None = None) -> Any:
    return options.load(
        settings,
        program="aiot-test",
        description="A test.",
        arguments=arguments,
        environment=env or {},
        known=ALL_SETTINGS,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pyaiot.toml"


# Precedence

#: By type: option, default, and in the file, the environment, the flags; what they give.
SOURCES: dict[str, tuple[str, Any, str, str, str, tuple[Any, Any, Any]]] = {
    "text": ("title", "IoT Dashboard", '"file"', "environment", "flag", ("file", "environment", "flag")),
    "port": ("coap_port", 5683, "1001", "1002", "1003", (1001, 1002, 1003)),
    "port or nothing": ("broker_port", "8000", "1001", "1002", "", ("1001", "1002", "")),
    "port as text": ("broker_port", "8000", '"1001"', "1002", "0", ("1001", "1002", "0")),
    "number": ("max_time", 120, "1", "2", "3", (1, 2, 3)),
    "switch": ("broker_ssl", False, "true", "no", "yes", (True, False, True)),
    "choice": ("logging", "info", '"error"', "debug", "warning", ("error", "debug", "warning")),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_flags_win_over_environment_over_file_over_defaults(kind: str, file: Path) -> None:
    name, default, in_file, in_environment, in_flags, expected = SOURCES[kind]
    file.write_text(f"{name} = {in_file}\n")
    config, env = ("--config", str(file)), {f"AIOT_{name.upper()}": in_environment}
    flag = f"--{name.replace('_', '-')}={in_flags}"

    def value(*arguments: str, env: dict[str, str] | None = None) -> Any:
        return getattr(load(*arguments, env=env), name)

    found = (value(), value(*config), value(*config, env=env), value(*config, flag, env=env))
    assert found == (default, *expected)
    assert list(map(type, found)) == [type(default)] * 4
    assert value(flag, env=env) == value(flag) == expected[2]
    assert value(env=env) == expected[1]


def test_the_file_is_named_by_flag_or_environment(file: Path, tmp_path: Path) -> None:
    file.write_text('title = "one"')
    (tmp_path / "two.toml").write_text('title = "two"')
    assert load(env={"AIOT_CONFIG": str(file)}).title == "one"
    assert load("--config", str(tmp_path / "two.toml"), env={"AIOT_CONFIG": str(file)}).title == "two"
    assert load("--config=", env={"AIOT_CONFIG": str(file)}).title == "IoT Dashboard"


def test_the_file_may_be_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.toml").write_text('title = "home"')
    assert load("--config", "~/a.toml").title == "home"
    with pytest.raises(ConfigurationError, match="Config file not found: ~nobody-has-this-name/a"):
        load("--config", "~nobody-has-this-name/a.toml")


def test_an_empty_variable_is_none() -> None:
    """``AIOT_WEB_PORT=`` in a Makefile or compose file means: not set (PB-49)."""
    every = {f"AIOT_{each.name.upper()}": "" for each in fields(UpSettings)}
    assert load(env=every) == load()


def test_variables_of_others_are_not_read() -> None:
    assert load(env={"BROKER_PORT": "1", "AIOT_": "x", "AIOT_NOTHING": "x", "aiot_title": "x"}) == load()


# What the file may say


def test_one_file_serves_all_services(file: Path) -> None:
    file.write_text(
        'coap_port = 1\nweb-port = 2\nbroker_port = ""\nallowed_origins = "https://a.example"\nmap_api_key = "x"\n'
    )
    config = ("--config", str(file))
    assert load(*config, settings=CoapGatewaySettings).coap_port == 1
    assert load(*config, settings=DashboardSettings).web_port == 2
    assert load(*config, settings=BrokerSettings).allowed_origins == "https://a.example"
    assert load(*config, settings=BrokerSettings).broker_port == ""


def test_a_value_is_checked_by_the_service_that_uses_it(file: Path) -> None:
    file.write_text("coap_port = 70000\n")
    assert load("--config", str(file), settings=DashboardSettings).web_port == 8080
    with pytest.raises(ConfigurationError, match=f"^{file}: coap_port: 70000 is not a number from 0 to 65535$"):
        load("--config", str(file), settings=CoapGatewaySettings)


#: What stands in the file, and what is said of it.
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "an unknown key": (b"broker_prot = 1", "no service has an option 'broker_prot'; did you mean broker_port"),
    "an unknown key like nothing": (b"xyzzy = 1", "no service has an option 'xyzzy'$"),
    "a table": (b"[server]\nport = 1", r"\[server\] is a section"),
    "a table of an option": (b"[title]\nx = 1", r"\[title\] is a section"),
    "a list": (b"title = [1]", r"title: \[1\] is not a number or a text"),
    "a fraction": (b"coap_port = 1.5", "coap_port: 1.5 is not a number or a text"),
    "a date": (b"title = 2024-01-01", "is not a number or a text"),
    "a switch as a number": (b"coap_port = true", "coap_port: True is not a number or a text"),
    "a switch that is none": (b'debug = "maybe"', "debug: 'maybe' is neither yes nor no"),
    "a switch of two": (b"debug = 2", "debug: 2 is neither yes nor no"),
    "an empty switch": (b'debug = ""', "debug: '' is neither yes nor no"),
    "a list of switches": (b"debug = [true]", r"debug: \[True\] is neither yes nor no"),
    "a port too large": (b"web_port = 65536", "web_port: 65536 is not a number from 0 to 65535"),
    "a port below 0": (b"web_port = -1", "web_port: -1 is not a number from 0 to 65535"),
    "a port that is a word": (b'web_port = "http"', "web_port: 'http' is not a number"),
    "an empty port": (b'web_port = ""', "web_port: '' is not a number"),
    "two signs": (b'web_port = "--5"', "web_port: '--5' is not a number"),
    "digits of others": ('web_port = "٣"'.encode(), "is not a number"),
    "something behind the digits": (b'web_port = "80                     x"', "is not a number"),
    "a time of 0": (b"max_time = 0", "max_time: 0 is not a number from 1 to"),
    "too small": (b"log_file_max_size = 10", "log_file_max_size: 10 is not a number of at least 1000"),
    "a choice that is none": (b'logging = "loud"', "'loud' is none of debug, info, warning, error, none"),
    "control characters": (b'title = "a\\u001b[31m"', "title: control characters are not allowed"),
    "lines": (b'title = "a\\nb"', "title: control characters are not allowed"),
    "too large a number": (b"title = 0x" + b"F" * 6000, "title: that number is too large"),
    "too large a port": (b"web_port = 0x" + b"F" * 6000, "web_port: that number is too large"),
    "too large a switch": (b"debug = 0b" + b"1" * 20000, "debug: that number is too large"),
    "too large a number inside": (b"title = [0x" + b"F" * 6000 + b"]", "is not a number or a text"),
    "twice": (b"web_port = 1\nweb-port = 2", "web-port is there twice"),
    "twice, the same": (b"web_port = 1\nweb_port = 2", "Invalid config file: .*Cannot overwrite"),
    "text without quotes": (
        b"broker_host = localhost",
        r"Invalid config file: .*line 1.*TOML wants quotes around text",
    ),
    "Python": (b"import os\nbroker_port = 8000\n", "Invalid config file: "),
    "the old spelling": (b"broker_port = '8000'\ndebug = True\n", "Invalid config file: .*line 2"),
    "not text": (b"\xff\xfe", "Invalid config file: "),
    "too deep": (b"title = " + b"[" * 20000, "Invalid config file: "),
    "too many digits": (b"web_port = " + b"1" * 5000, "Invalid config file: "),
    "a byte order mark": (b"\xef\xbb\xbfweb_port = 1", "Invalid config file: "),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_wrong_in_the_file_is_said_in_one_line(name: str, file: Path) -> None:
    raw, why = BAD_FILES[name]
    file.write_bytes(raw)
    with pytest.raises(ConfigurationError, match=why) as refused:
        load("--config", str(file))
    told = str(refused.value)
    assert str(file) in told
    assert told.isprintable()
    assert len(told) < 400


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^Config file not found: /nowhere/at/all.toml$"):
        load("--config", "/nowhere/at/all.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load("--config", str(tmp_path))
    with pytest.raises(ConfigurationError, match="no file can have that name"):
        load("--config", "a\0b")
    with pytest.raises(ConfigurationError, match="cannot be read: File name too long"):
        load("--config", "x" * 5000)


def test_the_file_is_data_and_never_runs(file: Path, tmp_path: Path) -> None:
    """PB-50: the predecessor's was a Python program."""
    trace = tmp_path / "trace"
    file.write_text(f"import pathlib\npathlib.Path({str(trace)!r}).write_text('ran')\nbroker_port = 8000\n")
    with pytest.raises(ConfigurationError, match="Invalid config file"):
        load("--config", str(file))
    file.write_text(f"title = \"__import__('pathlib').Path('{trace}').write_text('ran')\"\n")
    assert load("--config", str(file)).title.startswith("__import__")
    assert not trace.exists()


def test_broken_files_are_configuration_errors_and_nothing_else() -> None:
    chance = Random("config")
    known = {each.name for one in ALL_SETTINGS for each in fields(one)}
    documents = [raw for raw, _ in BAD_FILES.values() if len(raw) < 200]
    documents += [b'broker_port = "8000"\nmax_time = 120\ndebug = true\n', b"title = 'a'\nweb-port = 0x1F\n"] * 8
    documents += [
        b'logging = "info"\n',
        b"coap_port = +5_683\n",
        b'title = """\na"""\n',
        b"broker_ssl = false # no\n",
    ] * 8
    by_name = {each.name: each for each in fields(UpSettings)}
    taken = 0
    for raw in fuzz.broken(chance, documents, 200_000):
        try:
            given = options.parse_file(raw, "pyaiot.toml", known)
            values = {name: options._check(by_name[name], *value) for name, value in given.items()}
        except ConfigurationError as error:
            told = str(error)
            assert told
            continue
        taken += bool(values)
        for name, value in values.items():
            assert type(value) is type(by_name[name].default)
    assert 2_000 < taken < 150_000


def test_random_values_are_configuration_errors_and_nothing_else() -> None:
    chance = Random("values")
    characters = string.printable + "é٣\0\x85\u2028\ud800-+_" * 3
    kinds = [each for each in fields(UpSettings) if each.name in {name for name, *_ in SOURCES.values()}]
    for _ in range(50_000):
        text = "".join(chance.choices(characters, k=chance.randrange(8)))
        each = chance.choice(kinds)
        try:
            value = options._check(each, "--it", text)
        except ConfigurationError:
            continue
        assert type(value) is type(each.default)


# Flags


def test_underscores_may_stand_for_dashes() -> None:
    found = load("--broker_host=a_b", "--broker_port", "1", "--log-file_prefix=/a_b", "--broker_ssl")
    assert (found.broker_host, found.broker_port, found.log_file_prefix, found.broker_ssl) == ("a_b", "1", "/a_b", True)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("YES", True), ("on", True), ("1", True), ("False", False)]
)
def test_switches(text: str, value: bool) -> None:
    assert load(f"--broker-ssl={text}").broker_ssl is value
    assert load("--broker-ssl", text).broker_ssl is value
    assert load("--broker-ssl").broker_ssl is True


def test_an_empty_switch_is_not_true() -> None:
    """PB-49: ``--broker-ssl=`` from an empty variable of a shell script switched TLS on."""
    with pytest.raises(ConfigurationError, match=r"^--broker-ssl: '' is neither yes nor no$"):
        load("--broker-ssl=")


def test_the_brokers_port_may_be_empty() -> None:
    assert load("--broker-port=").broker_port == ""
    assert load("--broker-port", "").broker_port == ""
    assert load("--broker-port", "0080").broker_port == "80"
    with pytest.raises(ConfigurationError, match="--coap-port: '' is not a number"):
        load("--coap-port=")


@pytest.mark.parametrize("option", ["broker-port", "coap-port", "web-port"])
def test_ports(option: str) -> None:
    name = option.replace("-", "_")
    for port in (0, 1, 65_535):
        assert int(getattr(load(f"--{option}={port}"), name)) == port
    for port in (-1, 65_536, 10**30):
        with pytest.raises(ConfigurationError, match=f"^--{option}: .* is not a number"):
            load(f"--{option}={port}")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--brocker-host=x"], r"unrecognized arguments: --brocker-host=x \(see aiot-test --help\)"),
        (["--broke"], "unrecognized arguments"),  # no abbreviations: they change meaning as options come
        (["surplus"], "unrecognized arguments: surplus"),
        (["--coap-port"], "expected one argument"),
        (["--title=a\nb"], "--title: control characters"),
    ],
)
def test_wrong_flags(arguments: list[str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        load(*arguments)


def test_where_a_mistake_comes_from_is_named(file: Path) -> None:
    file.write_text("coap_port = -5")
    with pytest.raises(ConfigurationError, match=f"^{file}: coap_port: "):
        load("--config", str(file))
    with pytest.raises(ConfigurationError, match=r"^AIOT_COAP_PORT: "):
        load(env={"AIOT_COAP_PORT": "-5"})
    with pytest.raises(ConfigurationError, match=r"^--coap-port: "):
        load("--coap-port=-5")


def test_a_mistake_is_found_even_where_another_source_wins(file: Path) -> None:
    file.write_text("coap_port = -5")
    with pytest.raises(ConfigurationError, match="coap_port"):
        load("--config", str(file), "--coap-port=1")


# What there is

COMMON = {"config": "", "broker_host": "localhost", "broker_port": "8000", "debug": False, "key_file": "~/.pyaiot/keys"}
#: compatibility.md, PY-CLI-0 to PY-CLI-5; None there is the empty text here.
COMPATIBLE: dict[type[CommonSettings], dict[str, Any]] = {
    BrokerSettings: COMMON,
    CoapGatewaySettings: {**COMMON, "coap_port": 5683, "interface": "", "max_time": 120},
    DashboardSettings: {
        **COMMON,
        "static_path": "",  # <package>/dashboard/static
        "web_port": 8080,
        "broker_ssl": False,
        "camera_url": "",
        "title": "IoT Dashboard",
        "logo": "",
        "favicon": "",
        "map_api_key": "",
    },
}


@pytest.mark.parametrize("settings", COMPATIBLE, ids=lambda settings: settings.__name__)
def test_options_of_the_predecessor_are_there_with_their_defaults(settings: type[CommonSettings]) -> None:
    found = dataclasses.asdict(load(settings=settings))
    assert {name: found[name] for name in COMPATIBLE[settings]} == COMPATIBLE[settings]
    assert COMPATIBLE[settings].items() <= dataclasses.asdict(load()).items()  # aiot up has them all


def test_settings_are_values() -> None:
    found = load()
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.title = "x"


@pytest.mark.parametrize("settings", ALL_SETTINGS, ids=lambda settings: settings.__name__)
def test_every_option_says_what_it_is_for(settings: type[CommonSettings]) -> None:
    for each in fields(settings):
        assert 10 < len(each.metadata["help"]) < 130, each.name
        assert type(each.default) in (str, int, bool), each.name
        assert tomllib.loads(f"{each.name} = 1")


# The real commands


def run(*command: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **environment},
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_reads_well(name: str, tmp_path: Path) -> None:
    command, settings = COMMANDS[name]
    shown = run(*command, "--help", home=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for each in fields(settings):
        assert f"--{each.name.replace('_', '-')}" in shown.stdout
        if each.default not in ("", False):
            default = "yes" if each.default is True else each.default
            assert f"(default: {default})" in " ".join(shown.stdout.split()).replace("- ", "-")
    assert shown.stdout.startswith(f"usage: {name} ")
    assert "AIOT_BROKER_PORT=8000" in shown.stdout
    assert "%" not in shown.stdout
    assert "SUPPRESS" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("command", "environment", "why"),
    [
        (["aiot-broker", "--config=/nowhere\x1b[2J\nforged: line"], {}, "Config file not found: /nowhere"),
        (["aiot-broker", "--broker-port=http"], {}, "--broker-port: 'http' is not a number"),
        (["aiot-broker"], {}, "Key file provided doesn't exist: .*: run aiot-generate-keys"),
        (["aiot-coap-gateway"], {"AIOT_COAP_PORT": "70000"}, "AIOT_COAP_PORT: 70000 is not a number from 0 to 65535"),
        (["aiot-dashboard", "--tite=x"], {}, "unrecognized arguments: --tite=x"),
        (["aiot", "up", "--debug=perhaps"], {}, "--debug: 'perhaps' is neither yes nor no"),
        (["aiot", "down"], {}, "there is no verb 'down'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_an_exit_code(
    command: list[str], environment: dict[str, str], why: str, tmp_path: Path
) -> None:
    done = run(*command, home=tmp_path, **environment)
    may_pass = "not found" in why or "doesn't exist" in why
    assert done.returncode == (75 if may_pass else 78), done.stderr
    assert done.stdout == ""
    assert done.stderr.endswith("\n")
    assert done.stderr[:-1].isprintable()  # one line, whatever was in it
    assert done.stderr.startswith(f"{command[0]}: ")
    assert re.search(why, done.stderr)


def test_where_the_broker_is_is_taken_from_the_command_line_first() -> None:
    elsewhere = {"AIOT_BROKER": "wss://iot.example.org"}

    def broker(*arguments: str) -> str:
        return options.load(
            GatewaySettings, program="gateway", description="", arguments=arguments, environment=elsewhere
        ).broker

    assert broker() == broker("--debug") == "wss://iot.example.org"
    assert broker("--broker-host", "hut") == broker("--broker-ssl") == ""
    assert broker("--broker", "ws://hut") == "ws://hut"
    with pytest.raises(ConfigurationError, match=r"^--broker stands for --broker-host, too: say one of them$"):
        broker("--broker-host=hut", "--broker=ws://hut")
