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
from typing import Final

from pyaiot import keys, lifecycle, options
from pyaiot.announce.announcer import Announced
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.mqtt.packets import MAX_FIELD
from pyaiot.options import ConfigurationError
from pyaiot.settings import ALL_SETTINGS, MqttGatewaySettings
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
        from pyaiot.mqtt_broker.cli import make_offer

        both = GatewayWithBroker(settings)
        return lifecycle.run(Announced(both, settings.announce, lambda: [make_offer(settings, both.port)]), settings)
    return lifecycle.run(make_gateway(make_adapter(settings), settings), settings)


def make_adapter(
    settings: MqttGatewaySettings,
    *,
    host: str | None = None,
    port: int | None = None,
    account: tuple[str, bytes] | None = None,
) -> MqttAdapter:
    """The MQTT side that the settings describe. Raises ConfigurationError.

    ``host``, ``port`` and ``account`` (user, password) are those of an embedded MQTT broker, in place of the settings'.
    """
    name, key, _ = keys.load(settings.key_file).gateway(settings.gateway_name, MqttAdapter.protocol)
    user, password = read_account(settings) if account is None else account
    tls = make_tls(settings) if account is None else None
    port = settings.mqtt_port if port is None else port
    if port == 0:
        raise ConfigurationError("--mqtt-port: 0 is no port to connect to")
    return MqttAdapter(
        client_id=_checked_client_id(settings.mqtt_client_id) or make_client_id(name, key.public),
        host=settings.mqtt_host.strip("[]") if host is None else host,
        port=port,
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
                raise ConfigurationError(f"{flag} is of no use without --mqtt-ssl")
        return None
    if settings.mqtt_cert_key and not settings.mqtt_cert:
        raise ConfigurationError("--mqtt-cert-key needs its certificate: --mqtt-cert")
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
        raise ConfigurationError("--mqtt-user: the name is too long")
    if not settings.mqtt_password_file:
        return user, None
    if user is None:
        raise ConfigurationError("--mqtt-password-file needs --mqtt-user: MQTT has no password without a user")
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
        raise ConfigurationError(f"--mqtt-client-id: at most {MAX_CLIENT_ID} bytes")
    return client_id


def _fault(error: Exception, otherwise: str) -> str:
    """What the system says; ``otherwise`` where TLS says it in its own words."""
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return otherwise
    return error.strerror or otherwise
