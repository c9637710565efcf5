# SPDX-License-Identifier: BSD-3-Clause
"""Many clients in one process, which count what they get and throw it away.

``python -m benchmarks.crowd ws|rpc|rpc-apart|mqtt PORT CLIENTS``: says ``ready``; then answers each line of its
input with the number of updates so far, and the seconds since the last came. It ends with its input. Clients of ``rpc``
watch everything; of ``rpc-apart`` each watches sensors that no other does.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time

from benchmarks import mqtt
from benchmarks.load import uid
from benchmarks.processes import Process
from benchmarks.websocket import JOIN, PONG, connect, masked

MARKS = {"ws": b'"type":"update"', "mqtt": b'"type":"update"', "rpc": b'"type":"value"', "rpc-apart": b'"type":"value"'}
#: Whose sensors there are, and how many of each.
GATEWAYS = ("north", "south", "west")
NODES = 1_000
#: Broker's pings are not read, so pongs are sent unasked.
PONG_INTERVAL_S = 3.0


class Client:
    """A connection, and how often ``mark`` came over it."""

    def __init__(self, raw: socket.socket, received: bytes, mark: bytes) -> None:
        raw.setblocking(False)
        self.socket = raw
        self.mark = mark
        self.updates = received.count(mark)
        self._tail = received[-len(mark) + 1 :]

    def read(self, buffer: bytearray) -> bool:
        """Count what is there; false once the connection is closed."""
        size = self.socket.recv_into(buffer)
        if not size:
            return False
        most = len(self.mark) - 1
        edge = self._tail + buffer[: min(size, most)]
        self.updates += buffer.count(self.mark, 0, size) + edge.count(self.mark)
        self._tail = bytes(buffer[max(0, size - most) : size]) if size >= most else edge[-most:]
        return True


def join(kind: str, port: int, number: int, clients: int) -> Client:
    """One client of that kind, of so many."""
    if kind == "mqtt":
        return Client(mqtt.subscribe(port, f"client-{number}"), b"", MARKS[kind])
    if kind == "ws":
        raw, rest = connect(port, "/ws")
        raw.sendall(masked(JOIN))
        return Client(raw, rest, MARKS[kind])
    raw, rest = connect(port, "/rpc")
    filter = {} if kind == "rpc" else {"uid": apart(number, clients)}
    request = {"jsonrpc": "2.0", "id": 1, "method": "nodes.watch", "params": filter}
    raw.sendall(masked(json.dumps(request).encode()))
    return Client(raw, rest, MARKS[kind])


def apart(number: int, clients: int) -> list[str]:
    """The sensors that client ``number`` of ``clients`` watches: each sensor of each gateway is somebody's."""
    return [f"{gateway}/{uid(node)}" for gateway in GATEWAYS for node in range(number, NODES, clients)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=tuple(MARKS))
    parser.add_argument("port", type=int)
    parser.add_argument("clients", type=int)
    options = parser.parse_args()
    clients = [join(options.kind, options.port, number, options.clients) for number in range(options.clients)]
    poll = select.epoll()
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    by_fd = {client.socket.fileno(): client for client in clients}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    print("ready", flush=True)
    buffer = bytearray(1 << 20)
    last = next_pong = time.monotonic()
    while True:
        for fd, _ in poll.poll(1):
            if fd in by_fd:
                last = time.monotonic()
                if not by_fd[fd].read(buffer):
                    poll.unregister(fd)
                continue
            if not sys.stdin.readline():
                return
            print(sum(client.updates for client in clients), time.monotonic() - last, flush=True)
        if options.kind != "mqtt" and time.monotonic() > next_pong:
            next_pong = time.monotonic() + PONG_INTERVAL_S
            for client in by_fd.values():
                client.socket.send(PONG)


class Crowd(Process):
    """Such a process."""

    def __init__(self, kind: str, port: int, clients: int) -> None:
        command = [sys.executable, "-m", "benchmarks.crowd", kind, str(port), str(clients)]
        super().__init__(command, stdin=True)
        self.expect("^ready$")

    def count(self) -> tuple[int, float]:
        """Updates so far, and seconds since something came."""
        count, quiet = self.ask("?").split()
        return int(count), float(quiet)

    def settled(self, quiet_s: float = 0.3) -> int:
        """The number of updates once nothing more comes."""
        for _ in range(600):
            count, quiet = self.count()
            if quiet >= quiet_s:
                return count
            time.sleep(0.1)
        raise TimeoutError("the clients still get updates after a minute")


if __name__ == "__main__":
    main()
