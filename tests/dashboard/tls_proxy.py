# SPDX-License-Identifier: BSD-3-Clause
"""A reverse proxy with TLS: ``/iot/rpc`` is one server's, the rest below ``/iot/`` another's; nothing else is there."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

PREFIX = "/iot"


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, for ``localhost``, certified by itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@contextlib.asynccontextmanager
async def tls_proxy(tls: ssl.SSLContext, page_port: int, broker_port: int) -> AsyncIterator[int]:
    """Its port. One request a connection, unless that becomes a WebSocket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, rest = head.split(" ", 2)
            if not target.startswith(f"{PREFIX}/"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            target = target.removeprefix(PREFIX)
            rest = rest.replace("\r\nConnection: keep-alive\r\n", "\r\nConnection: close\r\n")
            port = broker_port if target == "/rpc" else page_port
            upstream, sink = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(sink):
                sink.write(f"{method} {target} {rest}".encode("latin-1"))
                ways = [asyncio.ensure_future(pass_on(reader, sink)), asyncio.ensure_future(pass_on(upstream, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Hand on what comes, until nothing more does."""
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
