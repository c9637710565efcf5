# SPDX-License-Identifier: BSD-3-Clause
"""As much CoAP as a device needs to report values, on a raw UDP socket."""

from __future__ import annotations

import socket
from pathlib import Path


class Device:
    """A device: registers, posts confirmable requests, and resets whatever it is asked (RFC 7252 section 4.2)."""

    def __init__(self, port: int, uid: str) -> None:
        self.uid = uid
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(1)
        self._mid = 0

    def fileno(self) -> int:
        """For selectors."""
        return self.socket.fileno()

    def post(self, path: bytes, payload: bytes) -> None:
        """Send a confirmable POST with a token of two bytes."""
        self._mid = (self._mid + 1) % 65_536
        mid = self._mid.to_bytes(2, "big")
        self.socket.send(b"\x42\x02" + mid + mid + bytes((0xB0 | len(path),)) + path + b"\xff" + payload)

    def tell(self, resource: bytes, data: bytes) -> None:
        """Report a value."""
        self.post(b"server", resource + b":" + data)

    def receive(self) -> bytes:
        """Wait for a datagram; a request in it is reset."""
        message = self.socket.recv(2048)
        if 1 <= message[1] < 32:
            self.socket.send(b"\x70\0" + message[2:4])
        return message

    def register(self) -> None:
        """Say ``alive`` until it is answered."""
        for _ in range(20):
            self.post(b"alive", b"alive:" + self.uid.encode())
            try:
                while self.receive()[1] != 0x44:
                    pass
            except TimeoutError:
                continue
            return
        raise TimeoutError("the gateway does not answer")

    def close(self) -> None:
        """Just go."""
        self.socket.close()


def udp_port(pid: int) -> int | None:
    """A UDP port that the process listens on, of IPv4 or IPv6, once it does."""
    inodes = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = str(each.readlink())
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[2].endswith(":0000"):
                return int(fields[1].rpartition(":")[2], 16)
    return None
