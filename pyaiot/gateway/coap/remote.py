# SPDX-License-Identifier: BSD-3-Clause
"""A peer of the gateway's CoAP endpoint, as aiocoap wants it; it remembers which of our addresses it was heard at."""

from __future__ import annotations

import socket
from typing import Protocol

from aiocoap.interfaces import EndpointAddress  # type: ignore[import-untyped]

from pyaiot.gateway.coap.contacts import SockAddr, readable


class Sender(Protocol):
    """What a peer is reached through."""

    port: int

    def transmit(self, data: bytes, remote: Remote) -> None:
        """Send an encoded message. Never raises."""
        ...


class Remote(tuple[str, int, int, int], EndpointAddress):  # type: ignore[misc]
    """A peer: equal to and hashed as its plain socket address.

    ``ancillary`` says from which of our addresses to send; the peer of a request keeps the one it was sent to.
    """

    ancillary: list[tuple[int, int, bytes]]
    interface: Sender

    scheme = "coap"
    is_multicast = False
    is_multicast_locally = False
    maximum_block_size_exp = 6

    @classmethod
    def of(cls, address: SockAddr, interface: Sender, pktinfo: bytes | None = None) -> Remote:
        """The peer at ``address``; ``pktinfo`` is what arrived with its datagram (struct in6_pktinfo)."""
        remote = cls(address)
        remote.interface = interface
        if pktinfo is None:
            remote.ancillary = []
        else:
            if address[3] == 0:  # not link-local: answer by the route, not by the interface it came in
                pktinfo = pktinfo[:16] + b"\0\0\0\0"
            remote.ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, pktinfo)]
        return remote

    @property
    def local_host(self) -> str | None:
        """Our address that the peer sent to."""
        return socket.inet_ntop(socket.AF_INET6, self.ancillary[0][2][:16]) if self.ancillary else None

    def send(self, data: bytes) -> None:
        """Called by aiocoap's GenericMessageInterface."""
        self.interface.transmit(data, self)

    @property
    def hostinfo(self) -> str:
        host = readable(self[0])
        return f"[{host}]:{self[1]}" if ":" in host else f"{host}:{self[1]}"

    @property
    def hostinfo_local(self) -> str:
        return f"[{readable(self.local_host or '::')}]:{self.interface.port}"

    @property
    def uri_base(self) -> str:
        return f"coap://{self.hostinfo}"

    @property
    def uri_base_local(self) -> str:
        return f"coap://{self.hostinfo_local}"

    @property
    def blockwise_key(self) -> SockAddr:
        return self[0], self[1], self[2], self[3]

    def __repr__(self) -> str:
        return f"<Remote {self.hostinfo}>"
