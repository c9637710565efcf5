# SPDX-License-Identifier: BSD-3-Clause
"""HTTP devices by TLS, with curl."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.ports import TlsPort
from tests.gateway.http.http_devices import running
from tests.patience import PATIENCE_S
from tests.tls.authority import Authority


async def curl(*arguments: str) -> tuple[int, str]:
    """Its exit code, and the status that was answered."""
    command = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--noproxy", "*", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.needs("curl")
@pytest.mark.one_loop
async def test_devices_post_by_tls_and_without(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost", "hut.example.org")
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    ca = ("--cacert", str(authority.file))
    async with running(tls=TlsPort(certificate, 0)) as gateway:
        adapter = gateway.adapter
        plain, secured = adapter.doors
        assert (plain.scheme, secured.scheme, secured.path) == ("http", "https", "/v1/nodes")
        body = ("--data", '{"temperature": 21.5}')
        assert await curl(*ca, *body, f"https://localhost:{secured.port}/v1/nodes/hut") == (0, "204")
        assert await curl(*body, f"http://localhost:{plain.port}/v1/nodes/shed") == (0, "204")
        assert {"hut", "shed"} <= gateway.service.core.registry.nodes.keys()
        # A name that is in the certificate is the gateway's own, and no other.
        there = ("--connect-to", f"::localhost:{secured.port}")
        assert await curl(*ca, *body, *there, "https://hut.example.org/v1/nodes/hut") == (0, "204")
        assert await curl("--insecure", *body, *there, "https://evil.example.org/v1/nodes/hut") == (0, "403")
        assert await curl(*body, f"https://localhost:{secured.port}/v1/nodes/hut") == (60, "000")
        assert certificate.faults.counters.handshakes_failed == 1
        assert await curl(*body, f"http://localhost:{secured.port}/v1/nodes/hut") == (0, "400")
