# SPDX-License-Identifier: BSD-3-Clause
"""TLS to a real Mosquitto, with a client certificate; what of it is set wrong is told in one line."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyaiot.gateway.mqtt.cli import make_tls
from pyaiot.options import ConfigurationError
from pyaiot.settings import MqttGatewaySettings
from tests.gateway.mqtt.conftest import MakeGateway
from tests.patience import PATIENCE_S
from tests.process.mosquitto import mosquitto

pytestmark = pytest.mark.needs("mosquitto", "openssl")


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: an authority, and what it has certified; ``stranger`` is another authority."""

    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def make(self) -> None:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for name in ("ca", "stranger"):
            self._openssl(
                *("req", "-x509", *key, "-subj", f"/CN={name}", "-days", "2"),
                *("-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.pem")),
            )
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name in ("server", "gateway"):
            self._openssl(
                *("req", "-new", *key, "-subj", f"/CN={name}"),
                *("-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.csr")),
            )
            self._openssl(
                *("x509", "-req", "-in", self.file(f"{name}.csr"), "-days", "2", "-extfile", str(extensions)),
                *("-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"), "-CAcreateserial"),
                *("-out", self.file(f"{name}.pem")),
            )
        self._openssl(
            *("ec", "-in", self.file("gateway.key"), "-aes128", "-passout", "pass:secret"),
            *("-out", self.file("encrypted.key")),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def server_lines(self) -> tuple[str, ...]:
        """What a Mosquitto needs that asks for certificates."""
        return (
            f"cafile {self.file('ca.pem')}",
            f"certfile {self.file('server.pem')}",
            f"keyfile {self.file('server.key')}",
            "require_certificate true",
        )

    def tls(self, **options: Any) -> ssl.SSLContext:
        """A gateway's side, as its options make it."""
        files: dict[str, Any] = {name: self.file(file) for name, file in options.items()}
        made = make_tls(MqttGatewaySettings(mqtt_ssl=True, **files))
        assert made is not None
        return made


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.make()
    return made


async def test_tls_with_a_client_certificate(
    certificates: Certificates, tmp_path: Path, make_gateway: MakeGateway
) -> None:
    tls = certificates.tls(mqtt_ca="ca.pem", mqtt_cert="gateway.pem", mqtt_cert_key="gateway.key")
    async with mosquitto(tmp_path, *certificates.server_lines()) as server:
        for host in ("127.0.0.1", "localhost"):
            gateway = await make_gateway(server.port, tls=tls, host=host)
            # A message that makes the way through both: the gateway's own request comes back by its subscription.
            gateway.adapter._client.publish("node/a/led", b"1")
            await gateway.until(gateway.updates)
            await gateway.adapter.stop()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mqtt_ca": "stranger.pem", "mqtt_cert": "gateway.pem", "mqtt_cert_key": "gateway.key"}, "is not trusted"),
        ({"mqtt_cert": "gateway.pem", "mqtt_cert_key": "gateway.key"}, "is not trusted"),
        ({"mqtt_ca": "ca.pem"}, ""),
    ],
    ids=["stranger", "system's authorities", "no certificate"],
)
async def test_what_is_wrong_with_tls_is_told_in_one_line(
    certificates: Certificates,
    tmp_path: Path,
    make_gateway: MakeGateway,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, str],
    reason: str,
) -> None:
    async with mosquitto(tmp_path, *certificates.server_lines()) as server:
        gateway = await make_gateway(server.port, tls=certificates.tls(**options), connected=False)
        async with asyncio.timeout(PATIENCE_S):
            while gateway.adapter.counters.losses < 3:
                await asyncio.sleep(0.01)
        await gateway.adapter.stop()
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.startswith("No TLS connection to the MQTT broker at 127.0.0.1:")
    assert reason in line
    assert "--mqtt-ca, --mqtt-cert" in line


async def test_tls_where_there_is_none_and_none_where_there_is(
    certificates: Certificates, tmp_path: Path, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    for lines, tls, words in (
        ((), certificates.tls(mqtt_ca="ca.pem"), "No TLS connection to the MQTT broker"),
        (certificates.server_lines(), None, "does it want TLS (--mqtt-ssl)?"),
    ):
        caplog.clear()
        folder = tmp_path / str(len(lines))
        folder.mkdir()
        async with mosquitto(folder, *lines) as server:
            gateway = await make_gateway(server.port, tls=tls, connected=False)
            async with asyncio.timeout(PATIENCE_S):
                while gateway.adapter.counters.losses < 2:
                    await asyncio.sleep(0.01)
            await gateway.adapter.stop()
        said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(said) == 1, said
        assert words in said[0]


async def test_back_pressure_holds_through_tls(
    certificates: Certificates, tmp_path: Path, make_gateway: MakeGateway
) -> None:
    lines = certificates.server_lines()[:3]
    async with mosquitto(tmp_path, *lines) as server:
        gateway = await make_gateway(server.port, tls=certificates.tls(mqtt_ca="ca.pem"))
        gateway.crowded_at = 10
        for number in range(300):
            gateway.adapter._client.publish("node/a/count", str(number).encode())
        await gateway.until(lambda: gateway.crowded)
        await asyncio.sleep(0.5)  # in which the rest would come; what TLS had read already is taken
        assert len(gateway.updates()) < 300
        gateway.relieve()
        await gateway.until(lambda: len(gateway.updates()) == 300)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mqtt_ca": "nowhere.pem"}, "--mqtt-ca: .*nowhere.pem: No such file"),
        ({"mqtt_ca": "ca.key"}, "--mqtt-ca: .*ca.key: no certificates in PEM"),
        ({"mqtt_cert": "nowhere.pem"}, "--mqtt-cert, --mqtt-cert-key: .*nowhere.pem: No such file"),
        ({"mqtt_cert": "gateway.pem"}, "no certificate in PEM with its unencrypted private key"),
        ({"mqtt_cert": "gateway.pem", "mqtt_cert_key": "server.key"}, "no certificate in PEM with its"),
        ({"mqtt_cert": "gateway.pem", "mqtt_cert_key": "encrypted.key"}, "unencrypted private key"),
        ({"mqtt_cert_key": "gateway.key"}, "--mqtt-cert-key needs its certificate: --mqtt-cert"),
    ],
)
def test_files_that_are_none_are_a_configuration_error(
    certificates: Certificates, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        certificates.tls(**options)


@pytest.mark.parametrize("option", ["mqtt_ca", "mqtt_cert", "mqtt_cert_key"])
def test_files_without_tls_are_a_configuration_error(option: str) -> None:
    flag = f"--{option.replace('_', '-')}"
    settings: dict[str, Any] = {option: "x"}
    with pytest.raises(ConfigurationError, match=f"^{flag} is of no use without --mqtt-ssl"):
        make_tls(MqttGatewaySettings(**settings))
