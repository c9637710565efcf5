# SPDX-License-Identifier: BSD-3-Clause
"""The ports where a service lets devices in: without TLS, by TLS, or both.

That for TLS is one of its own: so no device in the field is locked out by a certificate, and a firewall can tell the
two apart.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from pyaiot.listening import bind, port_of
from pyaiot.settings import DeviceTlsSettings
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.layer import Factory, TlsDoor


@dataclass(frozen=True, slots=True)
class TlsPort:
    """``port``: 0 asks for a free one. ``alone``: the port without TLS stays shut."""

    certificate: ServerCertificate
    port: int
    alone: bool = False


def tls_port(settings: DeviceTlsSettings, certificate: ServerCertificate | None, port: int) -> TlsPort | None:
    """Where devices come in by TLS, as ``settings`` want it; None: nowhere."""
    return None if certificate is None else TlsPort(certificate, port, settings.tls_only)


class DevicePorts:
    """The sockets of one service. ``option``: the first part of its options, as in ``--<option>-port``.

    ``port`` and ``tls_port`` are those asked for until it is open; ``tls_port`` is None where there is none.
    """

    def __init__(self, host: str, port: int, option: str, tls: TlsPort | None = None) -> None:
        self.host = host
        self.port = port
        self.tls_port = None if tls is None else tls.port
        #: Listening sockets, once it is open.
        self.plain: list[socket.socket] = []
        self.secured: list[socket.socket] = []
        self._option = option
        self._tls = tls

    @property
    def certificate(self) -> ServerCertificate | None:
        """What those are shown who come by TLS."""
        return None if self._tls is None else self._tls.certificate

    @property
    def has_plain(self) -> bool:
        """Whether anybody comes in without TLS."""
        return self._tls is None or not self._tls.alone

    def __str__(self) -> str:
        """For the log, once it is open."""
        plain = [f"port {self.port}"] * self.has_plain
        return " and ".join([*plain, *([] if self.tls_port is None else [f"port {self.tls_port} by TLS"])])

    def by_scheme(self, plain: str, secured: str) -> list[tuple[str, int]]:
        """The ports that there are, each with what addresses there begin with: ``ws`` and ``wss``, say."""
        found = [(plain, self.port)] * self.has_plain
        return found if self.tls_port is None else [*found, (secured, self.tls_port)]

    def open(self) -> None:
        """Listen. Raises CannotListen; then nothing is left open."""
        if self.has_plain:
            self.plain = bind(self.host, self.port, self._option)
            self.port = port_of(self.plain)
        if self.tls_port is not None:
            try:
                self.secured = bind(self.host, self.tls_port, self._option, f"{self._option}-tls")
            except BaseException:
                for sock in self.plain:
                    sock.close()
                raise
            self.tls_port = port_of(self.secured)

    async def serve(self, protocol: Factory, backlog: int) -> list[asyncio.Server]:
        """Accept connections, each with a protocol of its own, on all the sockets."""
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(protocol, sock=sock, backlog=backlog) for sock in self.plain]
        if (certificate := self.certificate) is not None:
            accept = TlsDoor(certificate, protocol).accept
            servers += [await loop.create_server(accept, sock=sock, backlog=backlog) for sock in self.secured]
        return servers
