# SPDX-License-Identifier: BSD-3-Clause
"""As much MQTT 3.1.1 as it takes to publish and to subscribe, on raw sockets, and a Mosquitto to talk to.

``python -m benchmarks.mqtt PORT FILTER [USER PASSWORD]``: a bare subscriber of QoS 1, which counts, acknowledges, and
does no more. It says ``ready``; then it answers each line of its input with the number of messages so far, and the
seconds since the last came.
"""

from __future__ import annotations

import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
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


def publish_once(topic: bytes, mid: int, payload: bytes) -> bytes:
    """PUBLISH, QoS 1."""
    return packet(0x32, text(topic) + mid.to_bytes(2, "big") + payload)


def connect(port: int, name: str, account: tuple[str, str] | None = None) -> socket.socket:
    """A client whose CONNECT was accepted; it has no keepalive. ``account``: user and password."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    flags = b"\x02" if account is None else b"\xc2"
    fields = b"".join(text(each.encode()) for each in (name, *(account or ())))
    raw.sendall(packet(0x10, text(b"MQTT") + b"\x04" + flags + b"\0\0" + fields))
    if raw.recv(4) != b"\x20\x02\0\0":
        raise ConnectionError("CONNECT was refused")
    return raw


def subscribe(
    port: int, name: str, topic: bytes = TOPIC, qos: int = 0, account: tuple[str, str] | None = None
) -> socket.socket:
    """A client that is subscribed."""
    raw = connect(port, name, account)
    raw.sendall(packet(0x82, b"\0\x01" + text(topic) + bytes((qos,))))
    if raw.recv(5)[:1] != b"\x90":
        raise ConnectionError("SUBSCRIBE was refused")
    return raw


class Publisher:
    """A client that publishes at QoS 1, with at most ``window`` messages that are not acknowledged."""

    def __init__(self, port: int, name: str, window: int = 500) -> None:
        self.socket = connect(port, name)
        self.published = self.acknowledged = 0
        self._window = window
        self._rest = b""

    def fileno(self) -> int:
        """For selectors."""
        return self.socket.fileno()

    def publish(self, topic: bytes, payload: bytes) -> None:
        """Publish one message, now."""
        self.socket.sendall(publish_once(topic, self.published % 65_535 + 1, payload))
        self.published += 1

    def publish_all(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Publish these (topic, payload), in one write."""
        packets = []
        for topic, payload in messages:
            packets.append(publish_once(topic, self.published % 65_535 + 1, payload))
            self.published += 1
        self.socket.sendall(b"".join(packets))

    def pump(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Publish all of these (topic, payload), as fast as they are acknowledged; until all are."""
        batch: list[bytes] = []
        for topic, payload in messages:
            batch.append(publish_once(topic, self.published % 65_535 + 1, payload))
            self.published += 1
            if len(batch) == self._window // 4:
                self.socket.sendall(b"".join(batch))
                batch.clear()
                while self.published - self.acknowledged > self._window * 3 // 4:
                    self.receive()
        self.socket.sendall(b"".join(batch))
        self.settle()

    def settle(self) -> None:
        """Wait until all is acknowledged."""
        while self.acknowledged < self.published:
            self.receive()

    def receive(self) -> bytes:
        """Wait for PUBACKs, and count them."""
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise ConnectionError("closed")
        chunk = self._rest + chunk
        self.acknowledged += len(chunk) // 4  # nothing else comes, and each has 4 bytes
        self._rest = chunk[len(chunk) // 4 * 4 :]
        return chunk

    def close(self) -> None:
        """Just go."""
        self.socket.close()


def acknowledge_all(data: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """The PUBACKs and the payloads of all whole PUBLISH packets of QoS 1 in ``data``, and what is left of it."""
    answers, payloads, at, end = [], [], 0, len(data)
    while end - at >= 4:
        length, body = data[at + 1], at + 2
        if length > 127:
            length, body = (length & 127) | data[at + 2] << 7, at + 3  # nothing here is longer
        if body + length > end:
            break
        middle = body + 2 + (data[body] << 8 | data[body + 1])
        if data[at] & 0xF6 == 0x32:
            answers.append(b"\x40\x02" + data[middle : middle + 2])
            payloads.append(data[middle + 2 : body + length])
        at = body + length
    return answers, payloads, data[at:]


def subscriber() -> None:
    """The process that the module's docstring tells of."""
    account = (sys.argv[3], sys.argv[4]) if len(sys.argv) > 3 else None
    raw = subscribe(int(sys.argv[1]), "bare-subscriber", sys.argv[2].encode(), 1, account)
    poll = select.epoll()
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    poll.register(raw.fileno(), select.EPOLLIN)
    print("ready", flush=True)
    rest, count, last = b"", 0, time.monotonic()
    while True:
        for fd, _ in poll.poll():
            if fd != raw.fileno():
                if not sys.stdin.readline():
                    return
                print(count, time.monotonic() - last, flush=True)
                continue
            answers, _, rest = acknowledge_all(rest + raw.recv(65_536))
            raw.sendall(b"".join(answers))
            count += len(answers)
            last = time.monotonic()


class Subscriber(Process):
    """Such a process."""

    def __init__(self, port: int, topic: bytes, account: tuple[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "benchmarks.mqtt", str(port), topic.decode(), *(account or ())]
        super().__init__(command, stdin=True)
        self.expect("^ready$")

    def settled(self) -> int:
        """The number of messages so far; what was waited for has come, and nothing else does."""
        return int(self.ask("?").split()[0])

    def wait_for(self, messages: int, within_s: float = 120) -> float:
        """Wait until so many have come; how long ago the last one was then, in seconds."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            count, quiet = self.ask("?").split()
            if int(count) >= messages:
                return float(quiet)
            time.sleep(0.01)
        raise TimeoutError(f"{count} of {messages} messages came")


@contextmanager
def mosquitto(*lines: str) -> Iterator[tuple[Process, int] | None]:
    """A Mosquitto on a free port of loopback, as process and port; None where there is no such program.

    ``lines`` are added to its configuration.
    """
    path = program("mosquitto")
    if path is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            "".join(f"{line}\n" for line in lines)
            + f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\nset_tcp_nodelay true\nuser root\n"
        )
        with Process([path, "-c", str(config)]) as process:
            for _ in range(100):
                try:
                    connect(port, "probe").close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield process, port


if __name__ == "__main__":
    subscriber()
