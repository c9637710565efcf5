# SPDX-License-Identifier: BSD-3-Clause
"""What each command says of itself, and what it says when something is set wrong: one line, exit code 78."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields

import pytest

from pyaiot import keys as keyfile
from pyaiot.keys import Keys
from pyaiot.settings import BrokerSettings, CoapGatewaySettings, DashboardSettings, UpSettings
from tests.lasting_ports import known, lasting_port
from tests.process.forks import Forks, forking
from tests.process.processes import Finished, Host

EX_CONFIG = 78
#: Of a service for which waiting may help.
EX_TEMPFAIL = 75


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """What runs the many commands below; that each can be started by its name is seen above and at the end."""
    with forking() as made:
        yield made


KEY_OPTIONS = [
    "--key-file",
    "--force",
    "--gateway",
    "--authorize",
    "--revoke",
    "--trust-broker",
    "--client",
    "--revoke-client",
    "--list",
    "--role",
]


def options_of(settings: type) -> list[str]:
    """The flags of a service."""
    return [f"--{field.name.replace('_', '-')}" for field in fields(settings)]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["aiot"], ["up", "--version", "aiot-generate-keys", "aiot-broker", "aiot-coap-gateway", "aiot-dashboard"]),
        (["aiot", "up"], options_of(UpSettings)),
        (["aiot-generate-keys"], KEY_OPTIONS),
        (["aiot-broker"], options_of(BrokerSettings)),
        (["aiot-coap-gateway"], options_of(CoapGatewaySettings)),
        (["aiot-dashboard"], options_of(DashboardSettings)),
    ],
    ids=" ".join,
)
async def test_help_mentions_each_option(host: Host, command: list[str], options: list[str]) -> None:
    finished = await host.run(command[0], *command[1:], "--help")
    assert (finished.code, finished.err) == (0, "")
    assert [each for each in options if each not in finished.out] == []
    assert max(map(len, finished.out.splitlines())) <= 160


def assert_one_line(finished: Finished, *words: str, code: int = EX_CONFIG) -> None:
    """That the command said one line on stderr, with these words in it, and ended with ``code``."""
    assert finished.code == code, f"{finished.code}: {finished.err}"
    assert finished.out == ""
    assert finished.err.endswith("\n")
    assert finished.err.count("\n") == 1, finished.err
    for word in words:
        assert word in finished.err


CONFIG = """\
broker_port = 8000
web_port = 0
coap_port = 0
mqtt_port = 0
"""
#: Arguments with which each service would start, if all else is right.
FREE = {
    "aiot-broker": ["--broker-port", "0"],
    "aiot-coap-gateway": ["--coap-port", "0"],
    "aiot-dashboard": ["--web-port", "0"],
    "aiot-mqtt-gateway": ["--embedded-broker", "--mqtt-port", "0"],
    "aiot-mqtt-broker": ["--mqtt-port", "0"],
    "aiot up": [
        *("up", "--broker-port", "0", "--coap-port", "0", "--mqtt-port", "0", "--web-port", "0"),
        *("--gateway-port", "0", "--http-port", "0", "--logging", "error"),
    ],
    "aiot-generate-keys": [],
    "aiot": [],
}

# The command, its further arguments, and words of the line that it must say.
WRONG_OPTIONS: list[tuple[str, list[str], list[str]]] = [
    # Values of flags
    ("aiot-broker", ["--broker-port", "x"], ["--broker-port", "'x' is not a number"]),
    ("aiot-broker", ["--broker-port", "65536"], ["--broker-port", "from 0 to 65535"]),
    ("aiot-broker", ["--gateway-grace", "-1"], ["--gateway-grace"]),
    ("aiot-broker", ["--logging", "loud"], ["--logging", "debug, info, warning, error, none"]),
    ("aiot-broker", ["--debug=maybe"], ["--debug", "yes nor no"]),
    ("aiot-broker", ["--nonsense"], ["--nonsense", "--help"]),
    ("aiot-mqtt-broker", ["--tls-only"], ["--tls-only needs a certificate", "--tls-cert FILE"]),
    ("aiot-broker", ["nonsense"], ["nonsense", "--help"]),
    ("aiot-broker", ["--broker-port"], ["--broker-port", "--help"]),
    ("aiot-broker", ["--broker"], ["--broker", "--help"]),
    ("aiot-broker", ["--allowed-origins", "iot.example.org"], ["--allowed-origins", "https://"]),
    ("aiot-broker", ["--allowed-origins", "https://a.example, *"], ["--allowed-origins", "'*'"]),
    ("aiot-broker", ["--allowed-origins", "https://a.example/page"], ["--allowed-origins", "/page"]),
    ("aiot-broker", ["--allowed-hosts", "https://a.example"], ["--allowed-hosts", "https://a.example"]),
    ("aiot-coap-gateway", ["--max-time", "0"], ["--max-time"]),
    ("aiot-coap-gateway", ["--coap-port", "-1"], ["--coap-port"]),
    ("aiot-coap-gateway", ["--broker-port", "8000/tcp"], ["--broker-port"]),
    ("aiot-coap-gateway", ["--broker-host", "a b"], ["--broker-host", "'a b'"]),
    ("aiot-coap-gateway", ["--broker-host", "http://localhost"], ["--broker-host", "'http://localhost'"]),
    ("aiot-coap-gateway", ["--broker-host", ""], ["--broker-host", "''"]),
    ("aiot-mqtt-gateway", ["--mqtt-user", "me"], ["--mqtt-user", "--embedded-broker=no"]),
    ("aiot-mqtt-gateway", ["--embedded-broker=no", "--mqtt-cert", "c.pem"], ["--mqtt-cert", "--mqtt-ssl"]),
    ("aiot-mqtt-gateway", ["--embedded-broker=perhaps"], ["--embedded-broker"]),
    ("aiot-dashboard", ["--broker-host", "a b"], ["--broker-host", "'a b'"]),
    ("aiot-dashboard", ["--web-port", "99999"], ["--web-port"]),
    ("aiot-dashboard", ["--camera-url", "ftp://x"], ["--camera-url", "'ftp://x'"]),
    ("aiot-dashboard", ["--title", "a\nb"], ["--title", "control characters"]),
    ("aiot up", ["--demo=perhaps"], ["--demo"]),
    ("aiot up", ["--max-time", "x"], ["--max-time"]),
    ("aiot", ["fly"], ["'fly'", "--help"]),
    ("aiot-dashboard", ["--logo", "ftp://x/y.png"], ["--logo", "ftp://x/y.png"]),
    # Of no service: nobody tries again
    ("aiot-generate-keys", [], ["exists already", "--force"]),
    ("aiot-generate-keys", ["--key-file", "nowhere", "--list"], ["nowhere"]),
    ("aiot-generate-keys", ["--gateway", "a b"], ["name"]),
    ("aiot-generate-keys", ["--gateway", "coap"], ["coap", "--force"]),
    ("aiot-generate-keys", ["--authorize", "attic", "no-key"], ["not a public key", "--list"]),
    ("aiot-generate-keys", ["--authorize", "attic"], ["--help"]),
    ("aiot-generate-keys", ["--revoke", "attic"], ["attic", "--list"]),
    ("aiot-generate-keys", ["--trust-broker", "no-key"], ["not a public key"]),
    ("aiot-generate-keys", ["--revoke-client", "eve"], ["eve", "--list"]),
    ("aiot-generate-keys", ["--client", "eve", "--role", "king"], ["--role", "operator"]),
    ("aiot-generate-keys", ["--list", "--revoke", "coap"], ["--list", "--revoke"]),
    ("aiot-generate-keys", ["--key-file", "/dev/null/keys"], ["/dev/null/keys", "cannot be"]),
]
#: Likewise, of services, with what may be right a minute later.
NOT_NOW: list[tuple[str, list[str], list[str]]] = [
    # Files that are not there
    ("aiot-broker", ["--config", "nowhere.toml"], ["not found", "nowhere.toml"]),
    ("aiot-broker", ["--config", "."], ["cannot be read"]),
    ("aiot-broker", ["--log-file-prefix", "nowhere/log"], ["--log-file-prefix", "nowhere/log"]),
    ("aiot-dashboard", ["--logo", "nowhere.png"], ["--logo", "nowhere.png"]),
    ("aiot-dashboard", ["--favicon", "nowhere.ico"], ["--favicon", "nowhere.ico"]),
    ("aiot-dashboard", ["--static-path", "nowhere"], ["--static-path", "nowhere"]),
    ("aiot up", ["--logo", "nowhere.png"], ["--logo", "nowhere.png"]),
    # Addresses that are not here
    ("aiot-broker", ["--broker-host", "no-such-host.invalid"], ["--broker-host", "no-such-host.invalid"]),
    ("aiot-broker", ["--broker-host", "198.51.100.1"], ["--broker-host", "198.51.100.1"]),
    ("aiot-dashboard", ["--web-host", "no-such-host.invalid"], ["--web-host", "no-such-host.invalid"]),
    ("aiot-coap-gateway", ["--coap-host", "no-such-host.invalid"], ["--coap-host", "no-such-host.invalid"]),
    ("aiot-coap-gateway", ["--coap-host", "198.51.100.1"], ["--coap-host", "198.51.100.1"]),
    ("aiot-coap-gateway", ["--interface", "no-such-if0"], ["--interface", "no-such-if0"]),
    ("aiot-mqtt-gateway", ["--mqtt-host", "198.51.100.1"], ["--mqtt-host", "198.51.100.1"]),
    ("aiot-mqtt-broker", ["--mqtt-host", "no-such-host.invalid"], ["--mqtt-host", "no-such-host.invalid"]),
    ("aiot up", ["--coap-host", "198.51.100.1"], ["--coap-host", "198.51.100.1"]),
    ("aiot up", ["--interface", "no-such-if0"], ["--interface", "no-such-if0"]),
    # Keys
    ("aiot-coap-gateway", ["--gateway-name", "attic"], ["attic", "--gateway-name", "aiot-generate-keys"]),
    ("aiot-broker", ["--key-file", "nowhere"], ["nowhere", "aiot-generate-keys"]),
    ("aiot-coap-gateway", ["--key-file", "nowhere"], ["nowhere", "aiot-generate-keys"]),
]


@pytest.mark.parametrize(
    ("command", "arguments", "words", "code"),
    [*((*each, EX_CONFIG) for each in WRONG_OPTIONS), *((*each, EX_TEMPFAIL) for each in NOT_NOW)],
    ids=[f"{each[0]} {' '.join(each[1])}".replace("\n", "\\n") for each in (*WRONG_OPTIONS, *NOT_NOW)],
)
def test_a_wrong_option_is_one_line(
    forks: Forks, host: Host, keys: Keys, command: str, arguments: list[str], words: list[str], code: int
) -> None:
    """The exit code tells systemd whether to try again."""
    finished = forks.run(host, command.split()[0], *FREE[command], *arguments)
    assert_one_line(finished, f"{command.split()[0]}: ", *words, code=code)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("broker_port = \n", ["Invalid config file", "options.toml"]),
        ("broker_host = localhost\n", ["Invalid config file", "quotes"]),
        ("brokr_port = 8000\n", ["brokr_port", "did you mean broker_port?"]),
        ("[broker]\nport = 1\n", ["[broker] is a section"]),
        ("broker_port = true\n", ["options.toml: broker_port", "True is not a number"]),
        ("broker_port = 1.5\n", ["options.toml: broker_port"]),
        ("broker_port = 70000\n", ["options.toml: broker_port", "from 0 to 65535"]),
        ("broker_host = [1]\n", ["options.toml: broker_host"]),
        ('debug = "perhaps"\n', ["options.toml: debug"]),
        ("broker-port = 1\nbroker_port = 2\n", ["twice"]),
        ("title = '\ud800'\n", ["Invalid config file"]),
    ],
)
def test_a_wrong_config_file_is_one_line(forks: Forks, host: Host, keys: Keys, text: str, words: list[str]) -> None:
    (host.home / "options.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert_one_line(forks.run(host, "aiot-broker", "--config", "options.toml"), *words)
    assert_one_line(forks.run(host, "aiot-broker", environment={"AIOT_CONFIG": "options.toml"}), *words)


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("aiot-broker", "AIOT_BROKER_PORT", "x"),
        ("aiot-broker", "AIOT_LOGGING", "loud"),
        ("aiot-broker", "AIOT_DEBUG", "perhaps"),
        ("aiot-coap-gateway", "AIOT_MAX_TIME", "0"),
        ("aiot-coap-gateway", "AIOT_COAP_PORT", "no-port"),
        ("aiot-dashboard", "AIOT_WEB_PORT", "70000"),
        ("aiot up", "AIOT_DEMO", "perhaps"),
    ],
)
def test_a_wrong_environment_is_one_line(
    forks: Forks, host: Host, keys: Keys, command: str, name: str, value: str
) -> None:
    finished = forks.run(host, command.split()[0], *FREE[command], environment={name: value})
    assert_one_line(finished, value)


def test_each_source_wins_over_the_one_before(forks: Forks, host: Host, keys: Keys) -> None:
    """Told apart by the mistakes in them: only the value that counts is complained of last."""
    (host.home / "options.toml").write_text("gateway_grace = 100000\n")
    arguments = ["--broker-port", "0", "--broker-host", "198.51.100.1", "--config", "options.toml"]
    assert_one_line(forks.run(host, "aiot-broker", *arguments), "options.toml: gateway_grace")
    (host.home / "options.toml").write_text('broker_host = "198.51.100.3"\nbroker_port = 1\n')
    arguments = ["--broker-port", "0", "--config", "options.toml"]
    assert_one_line(forks.run(host, "aiot-broker", *arguments), "198.51.100.3 port 0", code=EX_TEMPFAIL)
    environment = {"AIOT_BROKER_HOST": "198.51.100.2", "AIOT_BROKER_PORT": "2"}
    assert_one_line(
        forks.run(host, "aiot-broker", *arguments, environment=environment), "198.51.100.2 port 0", code=EX_TEMPFAIL
    )
    arguments += ["--broker-host", "198.51.100.1"]
    assert_one_line(
        forks.run(host, "aiot-broker", *arguments, environment=environment), "198.51.100.1 port 0", code=EX_TEMPFAIL
    )


@contextmanager
def taken(kind: socket.SocketKind, host: str = "localhost") -> Iterator[int]:
    """A port that others listen on, at every address of ``host``."""
    port = lasting_port(host, kind)
    with ExitStack() as stack:
        for family, address in known(host, kind):
            one = stack.enter_context(socket.socket(family, kind))
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address, port))
            if kind is socket.SOCK_STREAM:
                one.listen()
        yield port


@pytest.mark.parametrize(
    ("command", "option", "kind"),
    [
        ("aiot-broker", "--broker-port", socket.SOCK_STREAM),
        ("aiot-dashboard", "--web-port", socket.SOCK_STREAM),
        ("aiot-coap-gateway", "--coap-port", socket.SOCK_DGRAM),
        ("aiot-mqtt-gateway", "--mqtt-port", socket.SOCK_STREAM),
        ("aiot-mqtt-broker", "--mqtt-port", socket.SOCK_STREAM),
        ("aiot up", "--broker-port", socket.SOCK_STREAM),
        ("aiot up", "--web-port", socket.SOCK_STREAM),
        ("aiot up", "--coap-port", socket.SOCK_DGRAM),
        ("aiot up", "--mqtt-port", socket.SOCK_STREAM),
    ],
)
def test_a_port_that_is_taken_is_one_line(
    forks: Forks, host: Host, keys: Keys, command: str, option: str, kind: socket.SocketKind
) -> None:
    with taken(kind) as port:
        finished = forks.run(host, command.split()[0], *FREE[command], option, str(port))
    assert_one_line(finished, option, str(port), code=EX_TEMPFAIL)


@pytest.mark.parametrize("command", ["aiot-broker", "aiot-coap-gateway", "aiot-mqtt-gateway", "aiot up"])
def test_a_key_file_that_others_can_read_is_one_line(forks: Forks, host: Host, keys: Keys, command: str) -> None:
    host.key_file.chmod(0o640)
    finished = forks.run(host, command.split()[0], *FREE[command])
    assert_one_line(finished, str(host.key_file), "chmod 600", code=EX_TEMPFAIL)


@pytest.mark.parametrize("text", ["garbage", "[keys]\nsecret = x\n", "[broker]\nprivate = x\n", "\0", "[broker]\n"])
def test_a_key_file_that_is_none_is_one_line_that_shows_no_key(forks: Forks, host: Host, keys: Keys, text: str) -> None:
    host.key_file.write_text(text)
    for command in ("aiot-broker", "aiot-coap-gateway"):
        finished = forks.run(host, command, *FREE[command])
        assert_one_line(finished, "Invalid key file", str(host.key_file), code=EX_TEMPFAIL)
        assert "private = x" not in finished.err


def test_no_key_for_the_broker_is_one_line(forks: Forks, host: Host, keys: Keys) -> None:
    keys.broker = None
    keyfile.store(host.key_file, keys)
    finished = forks.run(host, "aiot-broker", *FREE["aiot-broker"])
    assert_one_line(finished, "no key for a broker", "aiot-generate-keys", code=EX_TEMPFAIL)


def test_no_key_for_the_gateway_is_one_line(forks: Forks, host: Host, keys: Keys) -> None:
    del keys.gateways["coap"]
    keyfile.store(host.key_file, keys)
    finished = forks.run(host, "aiot-coap-gateway", *FREE["aiot-coap-gateway"])
    assert_one_line(finished, "'coap'", "http, mqtt, ws", "aiot-generate-keys --gateway coap", code=EX_TEMPFAIL)


def test_no_trusted_broker_is_one_line(forks: Forks, host: Host, keys: Keys) -> None:
    keys.trusted_broker = None
    keyfile.store(host.key_file, keys)
    finished = forks.run(host, "aiot-coap-gateway", *FREE["aiot-coap-gateway"])
    assert_one_line(finished, "which broker to trust", "--trust-broker", code=EX_TEMPFAIL)


def test_no_key_file_at_all_is_one_line(forks: Forks, host: Host) -> None:
    for command in ("aiot-broker", "aiot-coap-gateway"):
        finished = forks.run(host, command, *FREE[command])
        assert_one_line(finished, ".pyaiot/keys", "run aiot-generate-keys", code=EX_TEMPFAIL)


async def test_keys_are_made_as_said(host: Host) -> None:
    """Both ways round: the file has the private parts and only its owner reads it; the output has none of them."""
    made = await host.run("aiot-generate-keys")
    assert (made.code, made.err) == (0, "")
    assert host.key_file.stat().st_mode & 0o777 == 0o600
    assert host.key_file.parent.stat().st_mode & 0o777 == 0o700
    stored = keyfile.load(host.key_file)
    assert sorted(stored.gateways) == ["coap", "http", "mqtt", "ws"]
    listed = await host.run("aiot-generate-keys", "--list")
    assert listed.code == 0
    text = host.key_file.read_text()
    private = [line.split(" = ")[1] for line in text.splitlines() if line.startswith("private")]
    assert len(private) == 5
    for output in (made.out, listed.out):
        assert str(stored.trusted_broker) in output
        assert [key for key in private if key in output] == []
    again = await host.run("aiot-generate-keys", "--force")
    assert again.code == 0
    assert host.key_file.read_text() != text


async def test_all_commands_know_their_version_and_nothing_blocks(host: Host) -> None:
    finished = await asyncio.gather(*(host.run("aiot", *each) for each in (["--version"], [], ["-h"])))
    assert [each.code for each in finished] == [0, 0, 0]
    assert finished[0].out.startswith("pyaiot ")
    assert finished[1].out == finished[2].out
