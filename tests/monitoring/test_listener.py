# SPDX-License-Identifier: BSD-3-Clause
"""The port of --metrics-port, on a real socket: what it says, to whom, and what it takes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pyaiot.cli.health import Unwell, ask
from pyaiot.lifecycle import Ready
from pyaiot.monitoring import process
from pyaiot.monitoring.families import Family, counter
from pyaiot.monitoring.health import Health
from pyaiot.monitoring.listener import MAX_CONNECTIONS, WithListener
from pyaiot.options import ConfigurationError
from pyaiot.settings import CommonSettings
from tests.patience import PATIENCE_S


class Something:
    """A service that is ready when the test says so, and as well as the test says."""

    def __init__(self) -> None:
        self.may_be_ready = asyncio.Event()
        self.how = Health(facts={"nodes": 3})

    async def run(self, ready: Ready) -> None:
        await self.may_be_ready.wait()
        ready()
        await asyncio.get_running_loop().create_future()

    def families(self) -> Iterator[Family]:
        yield counter("aiot_things_total", "Things", 7)

    def health(self) -> Health:
        return self.how


@pytest.fixture
async def service() -> Something:
    return Something()


@pytest.fixture
async def listener(service: Something) -> AsyncIterator[WithListener]:
    """It listens; the service is not ready yet."""
    made = WithListener(service, CommonSettings(metrics_host="127.0.0.1", metrics_port="0"))
    task = asyncio.create_task(made.run(lambda: None))
    while not made.port:
        await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def get(listener: WithListener, path: str, **headers: str) -> tuple[int, str]:
    """Status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    told = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(f"GET {path} HTTP/1.0\r\n{head}\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_health_from_the_start_to_trouble(service: Something, listener: WithListener) -> None:
    status, body = await get(listener, "/health")
    assert (status, json.loads(body)["reason"]) == (503, "it has not started yet")
    service.may_be_ready.set()
    async with asyncio.timeout(PATIENCE_S):
        while (await get(listener, "/health"))[0] != 200:
            pass
    url = f"http://127.0.0.1:{listener.port}/health"
    assert await ask(url) == {"status": "ok", "service": "pyaiot", "version": "0.1.0", "nodes": 3}
    service.how = Health("no session with the broker", 60.0)
    told = await ask(url)
    assert (told["status"], told["reason"]) == ("degraded", "no session with the broker")
    assert told["since"].endswith("Z")


async def test_metrics_are_those_of_process_and_service(service: Something, listener: WithListener) -> None:
    service.may_be_ready.set()
    await asyncio.sleep(0)
    status, body = await get(listener, "/metrics")
    there = {family.name: family for family in text_string_to_metric_families(body)}
    assert status == 200
    assert there["aiot_things"].samples[0].value == 7
    assert there["process_resident_memory_bytes"].samples[0].value > 10_000_000
    started = there["process_start_time_seconds"].samples[0].value
    assert started > 1_600_000_000
    # Whoever sees another takes it for a restart: PyaiotRestarting counts them.
    [told] = [each for each in process.families("x") if each.name == "process_start_time_seconds"]
    assert told.samples[0].value == started
    assert {"aiot_build_info", "aiot_event_loop_lag_seconds", "aiot_log_records", "process_open_fds"} <= set(there)


async def test_a_page_of_anybody_reads_nothing(service: Something, listener: WithListener) -> None:
    """DNS rebinding: the browser asks for a name that is not ours. Programs may call us what they like."""
    browser = {"User_Agent": "Mozilla/5.0"}
    assert (await get(listener, "/metrics", **browser))[0] == 200
    assert (await get(listener, "/metrics", Host="127.0.0.1:1", **browser))[0] == 200
    assert (await get(listener, "/metrics", Host="evil.example", **browser))[0] == 403
    assert (await get(listener, "/health", Host="evil.example", Sec_Fetch_Site="cross-site"))[0] == 403
    assert (await get(listener, "/metrics", Host="coap-gateway:9101", User_Agent="Prometheus/2.42.0"))[0] == 200
    assert (await get(listener, "/else"))[0] == 404


async def test_who_is_silent_keeps_nobody_out(service: Something, listener: WithListener) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2 * MAX_CONNECTIONS)]
    assert (await get(listener, "/metrics"))[0] == 200
    async with asyncio.timeout(PATIENCE_S):
        assert await silent[0][0].read() == b""  # gave way
    for _, writer in silent:
        writer.close()


async def test_asking_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.cli.health.PATIENCE_S", 0.2)
    drips = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await drips.wait()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"
        with pytest.raises(Unwell, match="no answer within 0 s"):
            await ask(url)
        drips.set()
        with pytest.raises(Unwell, match=r"no service of pyaiot: it answers 'HTTP/1\.1 200 OK'"):
            await ask(url)
    with pytest.raises(Unwell, match=r"^Connection refused$"):
        await ask(url)
    for bad in ("ftp://x", "http://", "http://x:99999/", "localhost:9", "http://x/\nHost: y"):
        with pytest.raises(ConfigurationError, match="is no URL such as"):
            await ask(bad)


def test_who_wants_no_metrics_reads_nothing_of_it() -> None:
    """It costs 5 MB where the service has no HTTP server otherwise."""
    code = (
        "import sys; import pyaiot.gateway.coap.cli, pyaiot.broker.cli;"
        "print([each for each in ('prometheus_client', 'pyaiot.monitoring.listener') if each in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
