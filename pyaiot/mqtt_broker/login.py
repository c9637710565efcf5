# SPDX-License-Identifier: BSD-3-Clause
"""CONNECT and its answer (MQTT 3.1.1, sections 3.1 and 3.2). Pure; lengths are in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyaiot.mqtt_broker.fields import BadPacket, Reader, check_topic

#: The longest client id.
MAX_CLIENT_ID = 128

#: Return codes of CONNACK (section 3.2.2.3).
ACCEPTED: Final = 0
BAD_PROTOCOL: Final = 1
BAD_CLIENT_ID: Final = 2
UNAVAILABLE: Final = 3
BAD_PASSWORD: Final = 4
NOT_AUTHORISED: Final = 5


class ConnectRefused(Exception):
    """A CONNECT that is answered with a return code; ``str()`` says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker shall publish when the client is lost."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT; ``keepalive_s`` 0 is none."""

    client_id: str
    keepalive_s: int
    will: Will | None
    user: str | None
    password: bytes | None


def parse_connect(body: bytes) -> Connect:
    """Section 3.1. Raises ConnectRefused and BadPacket."""
    reader = Reader(body)
    name, level = reader.text(), reader.take(1)[0]
    if name not in ("MQTT", "MQIsdp"):
        raise BadPacket("a CONNECT of another protocol")
    if (name, level) != ("MQTT", 4):
        version = {("MQTT", 5): "MQTT 5", ("MQIsdp", 3): "MQTT 3.1"}.get((name, level), f"{name}, level {level}")
        raise ConnectRefused(BAD_PROTOCOL, f"it speaks {version}; here is MQTT 3.1.1")
    flags = reader.take(1)[0]
    has_user, has_password, has_will, clean = flags & 0x80, flags & 0x40, flags & 0x04, flags & 0x02
    will_qos = flags >> 3 & 3
    if flags & 0x01 or (not has_will and flags & 0x38) or will_qos == 3 or (has_password and not has_user):
        raise BadPacket(f"a CONNECT with the flags {flags:#04x}")
    keepalive_s = reader.number()
    client_id = reader.text()
    will = None
    if has_will:
        topic = check_topic(reader.text())
        will = Will(topic, reader.take(reader.number()), will_qos, bool(flags & 0x20))
    user = reader.text() if has_user else None
    password = reader.take(reader.number()) if has_password else None
    if reader.more():
        raise BadPacket("a CONNECT with something behind it")
    if not client_id and not clean:
        raise ConnectRefused(BAD_CLIENT_ID, "it has no client id and wants a session that lasts")
    if len(client_id.encode()) > MAX_CLIENT_ID:
        raise ConnectRefused(BAD_CLIENT_ID, f"its client id is longer than {MAX_CLIENT_ID} bytes")
    return Connect(client_id, keepalive_s, will, user, password)


def connack(code: int) -> bytes:
    """Section 3.2; there never is a session present."""
    return bytes((0x20, 2, 0, code))
