# SPDX-License-Identifier: BSD-3-Clause
"""From settings to an MQTT adapter; mistakes are one line that says what to do."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pyaiot import keys
from pyaiot.cli.generate_keys import make_all
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.mqtt.cli import Own, make_adapter, make_client_id
from pyaiot.options import ConfigurationError
from pyaiot.settings import MqttGatewaySettings
from pyaiot.tls.ports import DevicePorts
from pyaiot.wire.signing import PrivateKey


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "keys"
    make_all(path, force=False)
    return str(path)


def make(key_file: str, **options: Any) -> MqttAdapter:
    given: dict[str, Any] = {"gateway_name": "coap", **options}  # any key that is there will do
    return make_adapter(MqttGatewaySettings(key_file=key_file, **given))


def account_of(adapter: MqttAdapter) -> tuple[str | None, bytes | None]:
    account = adapter._client._account
    return account.user, account.password


def test_pb_34_the_client_id_is_the_gateways_own_and_stays_the_same() -> None:
    one, other = PrivateKey(bytes(32)).public, PrivateKey(bytes([1] * 32)).public
    # 8 hex digits of SHA-256 over 3b6a27bc…7d29, the public key of RFC 8032's all-zero seed.
    assert make_client_id("mqtt", one) == "pyaiot-mqtt-139e3940"
    assert make_client_id("mqtt", one) != make_client_id("mqtt", other)
    assert make_client_id("a", one) != make_client_id("b", one)


def test_pb_02_pb_34_an_adapter_as_set(key_file: str, tmp_path: Path) -> None:
    """The predecessor gave "host:port" as host, and each gateway the same client id."""
    password = tmp_path / "password"
    password.write_bytes(b"s3cret \xff\r\nand more")
    password.chmod(0o600)
    adapter = make(key_file, mqtt_host="[::1]", mqtt_port=1234, mqtt_user="gateway", mqtt_password_file=str(password))
    client = adapter._client
    assert (client._host, client._port) == ("::1", 1234)
    assert account_of(adapter) == ("gateway", b"s3cret \xff")
    key = keys.load(key_file).gateways["coap"].public
    assert client._account.client_id == make_client_id("coap", key)
    assert make(key_file, mqtt_client_id="mine")._client._account.client_id == "mine"
    assert account_of(make(key_file)) == (None, None)
    assert account_of(make(key_file, mqtt_user="u")) == ("u", None)


def test_an_embedded_mqtt_brokers_address_and_account_win(key_file: str) -> None:
    settings = MqttGatewaySettings(key_file=key_file, gateway_name="coap", mqtt_port=0)
    ports = DevicePorts("127.0.0.1", 4321, "mqtt")
    adapter = make_adapter(settings, own=Own(ports, "127.0.0.1", "gateway", b"p"))
    assert (adapter._client._host, adapter._client._port) == ("127.0.0.1", 4321)
    assert account_of(adapter) == ("gateway", b"p")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mqtt_port": 0}, "--mqtt-port: 0 is no port"),
        ({"mqtt_password_file": "x"}, "--mqtt-password-file needs --mqtt-user"),
        ({"mqtt_user": "u", "mqtt_password_file": "/nowhere/x"}, "/nowhere/x cannot be read: No such file"),
        ({"mqtt_user": "u", "mqtt_password_file": "/"}, "cannot be read: Is a directory"),
        ({"mqtt_user": "u", "mqtt_password_file": "/dev/null"}, "the first line of /dev/null is to be the password"),
        ({"mqtt_user": "u" * 70_000}, "--mqtt-user: the name is too long"),
        ({"mqtt_client_id": "é" * 65}, "--mqtt-client-id: at most 128 bytes"),
        ({"mqtt_ca": "x"}, "--mqtt-ca is of no use without --mqtt-ssl"),
        ({"gateway_name": "nobody"}, "run aiot-generate-keys --gateway nobody"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(key_file: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        make(key_file, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_password_that_others_can_read_is_a_warning(
    key_file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    password.chmod(0o644)
    adapter = make(key_file, mqtt_user="gateway", mqtt_password_file=str(password))
    assert account_of(adapter) == ("gateway", b"s3cret")
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line == f"Others can read the password in {password}: run chmod 600 {password}"
