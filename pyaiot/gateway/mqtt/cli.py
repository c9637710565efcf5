# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-mqtt-gateway``."""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot import keys, lifecycle, options
from pyaiot.announce.announcer import Announced
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.mqtt.packets import MAX_FIELD
from pyaiot.options import ConfigurationError, OptionError
from pyaiot.settings import ALL_SETTINGS, MqttGatewaySettings
from pyaiot.tls.certificate import server_certificate
from pyaiot.tls.ports import DevicePorts
from pyaiot.tls.renewal import renewing
from pyaiot.tls.trust import trusting_own_process
from pyaiot.wire.signing import PublicKey

log = logging.getLogger("pyaiot.gateway.mqtt")

DESCRIPTION = "The MQTT gateway: devices publish to an MQTT broker, and it connects them to pyaiot's broker."

#: The longest client id; MQTT brokers need not take more than 23 characters, but all known ones do.
MAX_CLIENT_ID: Final = 128
#: A password file is read so far, in bytes.
MAX_PASSWORD_FILE: Final = 64 * 1024


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the gateway with ``args`` as its command line; the exit code."""
    settings = options.load(
        MqttGatewaySettings, program="aiot-mqtt-gateway", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    if settings.embedded_broker:
        from pyaiot.gateway.mqtt.embedded import GatewayWithBroker
        from pyaiot.mqtt_broker.cli import make_offers

        certificate = server_certificate(settings)
        both = GatewayWithBroker(settings, certificate=certificate)
        announced = Announced(both, settings.announce, lambda: make_offers(settings, both.ports))
        return lifecycle.run(renewing(announced, certificate), settings)
    return lifecycle.run(make_gateway(make_adapter(settings), settings), settings)


@dataclass(frozen=True, slots=True)
class Own:
    """An embedded MQTT broker that listens on ``ports``, at ``host``; ``user`` is the gateway's account there."""

    ports: DevicePorts
    host: str
    user: str
    password: bytes


def make_adapter(settings: MqttGatewaySettings, *, own: Own | None = None) -> MqttAdapter:
    """The MQTT side that the settings describe; ``own``: the MQTT broker of this process, in place of the settings'.

    Raises ConfigurationError.
    """
    name, key, _ = keys.load(settings.key_file).gateway(settings.gateway_name, MqttAdapter.protocol)
    client_id = _checked_client_id(settings.mqtt_client_id) or make_client_id(name, key.public)
    if own is not None:
        found = own.ports.by_scheme("mqtt", "mqtts")
        scheme, port = found[0]
        return MqttAdapter(
            client_id=client_id,
            host=own.host,
            port=port,
            user=own.user,
            password=own.password,
            tls=trusting_own_process() if scheme == "mqtts" else None,
            also=found[1:],
        )
    user, password = read_account(settings)
    tls = make_tls(settings)
    if settings.mqtt_port == 0:
        raise OptionError("--mqtt-port: 0 is no port to connect to")
    return MqttAdapter(
        client_id=client_id,
        host=settings.mqtt_host.strip("[]"),
        port=settings.mqtt_port,
        user=user,
        password=password,
        tls=tls,
    )


def make_client_id(name: str, key: PublicKey) -> str:
    """A client id that is this gateway's alone, and the same after a restart: ``pyaiot-<name>-<of its key>``."""
    return f"pyaiot-{name}-{hashlib.sha256(key.raw).hexdigest()[:8]}"


def make_tls(settings: MqttGatewaySettings) -> ssl.SSLContext | None:
    """TLS as the settings want it, None without. Raises ConfigurationError: a file is missing or of another kind."""
    if not settings.mqtt_ssl:
        for flag, value in (
            ("--mqtt-ca", settings.mqtt_ca),
            ("--mqtt-cert", settings.mqtt_cert),
            ("--mqtt-cert-key", settings.mqtt_cert_key),
        ):
            if value:
                raise OptionError(f"{flag} is of no use without --mqtt-ssl")
        return None
    if settings.mqtt_cert_key and not settings.mqtt_cert:
        raise OptionError("--mqtt-cert-key needs its certificate: --mqtt-cert")
    ca = os.path.expanduser(settings.mqtt_ca)
    try:
        tls = ssl.create_default_context(cafile=ca or None)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ConfigurationError(f"--mqtt-ca: {settings.mqtt_ca}: {_fault(error, 'no certificates in PEM')}") from None
    if settings.mqtt_cert:
        certificate, private = os.path.expanduser(settings.mqtt_cert), os.path.expanduser(settings.mqtt_cert_key)
        try:
            # The password is asked for at the terminal unless one is given; a key that needs none ignores it.
            tls.load_cert_chain(certificate, private or None, password="")
        except (OSError, ValueError) as error:
            fault = _fault(error, "no certificate in PEM with its unencrypted private key")
            raise ConfigurationError(f"--mqtt-cert, --mqtt-cert-key: {settings.mqtt_cert}: {fault}") from None
    return tls


def read_account(settings: MqttGatewaySettings) -> tuple[str | None, bytes | None]:
    """User and password, as far as they are set. Raises ConfigurationError."""
    user = settings.mqtt_user or None
    if user is not None and len(user.encode()) > MAX_FIELD:
        raise OptionError("--mqtt-user: the name is too long")
    if not settings.mqtt_password_file:
        return user, None
    if user is None:
        raise OptionError("--mqtt-password-file needs --mqtt-user: MQTT has no password without a user")
    path = os.path.expanduser(settings.mqtt_password_file)
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            line = file.read(MAX_PASSWORD_FILE).partition(b"\n")[0].rstrip(b"\r")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--mqtt-password-file: {settings.mqtt_password_file} cannot be read: {_fault(error, 'no such name')}"
        ) from None
    if not line or len(line) > MAX_FIELD:
        raise ConfigurationError(f"--mqtt-password-file: the first line of {path} is to be the password")
    if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        log.warning("Others can read the password in %s: run chmod 600 %s", path, path)
    return user, line


def _checked_client_id(client_id: str) -> str:
    if len(client_id.encode(errors="replace")) > MAX_CLIENT_ID:
        raise OptionError(f"--mqtt-client-id: at most {MAX_CLIENT_ID} bytes")
    return client_id


def _fault(error: Exception, otherwise: str) -> str:
    """What the system says; ``otherwise`` where TLS says it in its own words."""
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return otherwise
    return error.strerror or otherwise
