# SPDX-License-Identifier: BSD-3-Clause
"""As much MQTT 3.1.1 as it takes to publish and to subscribe at QoS 0, on raw sockets, and a Mosquitto to talk to."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Process, program

TOPIC = b"bench"


def packet(head: int, body: bytes) -> bytes:
    """A control packet (MQTT 3.1.1 section 2.2)."""
    length, size = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        size += bytes((digit | (0x80 if length else 0),))
        if not length:
            return bytes((head,)) + size + body


def text(raw: bytes) -> bytes:
    """A string as MQTT spells it."""
    return len(raw).to_bytes(2, "big") + raw


def publish(payload: bytes) -> bytes:
    """PUBLISH, QoS 0."""
    return packet(0x30, text(TOPIC) + payload)


def connect(port: int, name: str) -> socket.socket:
    """A client whose CONNECT was accepted; it has no keepalive."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02\0\0" + text(name.encode())))
    if raw.recv(4) != b"\x20\x02\0\0":
        raise ConnectionError("CONNECT was refused")
    return raw


def subscribe(port: int, name: str) -> socket.socket:
    """A client that is subscribed."""
    raw = connect(port, name)
    raw.sendall(packet(0x82, b"\0\x01" + text(TOPIC) + b"\0"))
    if raw.recv(5)[:1] != b"\x90":
        raise ConnectionError("SUBSCRIBE was refused")
    return raw


@contextmanager
def mosquitto() -> Iterator[tuple[Process, int] | None]:
    """A Mosquitto on a free port of loopback, as process and port; None where there is no such program."""
    path = program("mosquitto")
    if path is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\nset_tcp_nodelay true\nuser root\n"
        )
        with Process([path, "-c", str(config)]) as process:
            for _ in range(100):
                try:
                    connect(port, "probe").close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield process, port
