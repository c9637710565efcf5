# SPDX-License-Identifier: BSD-3-Clause
"""A device that speaks HTTP by hand, and a gateway for it between a broker that the test conducts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkTimes
from pyaiot.gateway.http.access import Access
from pyaiot.gateway.http.adapter import HttpAdapter
from pyaiot.gateway.service import GatewayService
from pyaiot.tls.ports import TlsPort
from pyaiot.wire.messages import JSON, Write
from tests.gateway.broker_by_hand import GATEWAY_KEY, KEY, BrokerSession, broker
from tests.patience import PATIENCE_S

NAMES = frozenset(("localhost", "iot.example"))


@dataclass(frozen=True)
class Answer:
    """What was answered. Names of headers are in lower case; ``headers`` has the last of each."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode().rstrip("\n")


class Connection:
    """One connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send a request, without the headers that are empty; the answer is read by :meth:`answer`."""
        given = {"Host": "localhost", **(headers or {})}
        if body or method == "POST":
            given.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def answer(self) -> Answer:
        """Read one answer. Raises IncompleteReadError when there is none."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split(" ")[1]), headers, body)

    def close(self) -> None:
        self.writer.close()


class Device:
    """A device called ``uid``; each request has a connection of its own."""

    def __init__(self, port: int, uid: str, headers: dict[str, str] | None = None) -> None:
        self.port = port
        self.path = f"/v1/nodes/{uid}"
        self.headers = headers or {}

    async def ask(
        self, method: str, body: bytes = b"", headers: dict[str, str] | None = None, query: str = "", path: str = ""
    ) -> Answer:
        connection = await Connection.open(self.port)
        try:
            connection.ask(method, path or self.path + query, body, {**self.headers, **(headers or {})})
            return await connection.answer()
        finally:
            connection.close()

    async def post(self, values: Any, **headers: str) -> Answer:
        body = values if isinstance(values, bytes) else json.dumps(values).encode()
        return await self.ask("POST", body, {name.replace("_", "-"): value for name, value in headers.items()})

    async def fetch(self, wait_s: int = 0) -> list[dict[str, Any]]:
        """The commands that it is given."""
        answer = await self.ask("GET", query=f"?wait={wait_s}" if wait_s else "")
        assert answer.status in (200, 204), answer
        return answer.json["writes"] if answer.status == 200 else []


class Gateway:
    """A gateway that runs, and its broker's session."""

    def __init__(self, adapter: HttpAdapter, service: GatewayService, session: BrokerSession) -> None:
        self.adapter = adapter
        self.service = service
        self.session = session
        self._writes = 0

    @property
    def port(self) -> int:
        return self.adapter.port

    def device(self, uid: str, headers: dict[str, str] | None = None) -> Device:
        return Device(self.port, uid, headers)

    def values(self, uid: str) -> dict[str, JSON]:
        """What the broker has been told of the node in all."""
        return {m["endpoint"]: m["data"] for _, m in self.session.messages if m["type"] == "update" and m["uid"] == uid}

    async def until(self, so: Callable[[], Any]) -> None:
        """Wait for the message to the broker after which it is so."""
        await self.session.has(lambda _: bool(so()))

    async def write(self, uid: str, resource: str, data: JSON, ttl_ms: int = 10_000) -> int:
        """Have the broker ask for a write; its number."""
        self._writes += 1
        await self.session.say(Write(id=self._writes, uid=uid, resource=resource, data=data, ttl_ms=ttl_ms))
        return self._writes

    async def result(self, number: int) -> tuple[str, str]:
        """Code (``ok`` for a success) and reason of a write."""

        def found() -> list[dict[str, Any]]:
            return [m for _, m in self.session.messages if m["type"] == "result" and m["id"] == number]

        await self.until(found)
        (result,) = found()
        return result.get("code", "ok"), result.get("reason", "")

    async def waits(self, commands: int = 1) -> None:
        """Wait until so many commands wait to be fetched."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.adapter._delivery._commands) != commands:
                await asyncio.sleep(0.002)

    async def polled(self, uid: str) -> None:
        """Wait until a poll of the device waits."""
        async with asyncio.timeout(PATIENCE_S):
            while (box := self.adapter._delivery._commands._boxes.get(uid)) is None or box.poll is None:
                await asyncio.sleep(0.002)


@asynccontextmanager
async def running(
    *,
    trust: bool = True,
    device_file: str = "",
    device_owners: str = "",
    token_keys: TokenKeys | None = None,
    audience: str = "",
    timeout_s: float = 120.0,
    acknowledge: bool = True,
    tls: TlsPort | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway for HTTP devices; nothing may reach the loop's exception handler, and no fault of ours may happen."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    async def behave(session: BrokerSession) -> None:
        await session.begin(session.ack)
        await session.serve(acknowledge)

    adapter = HttpAdapter(
        Access(trust_this_host=trust, names=NAMES),
        host="127.0.0.1",
        port=0,
        device_file=device_file,
        device_owners=device_owners,
        token_keys=token_keys,
        audience=audience,
        timeout_s=timeout_s,
        tls=tls,
    )
    async with broker(behave) as by_hand:
        service = GatewayService(
            adapter,
            Identity("greenhouse", GATEWAY_KEY, KEY.public),
            BrokerAddress(by_hand.url, times=LinkTimes(close_s=0.5)),
            timeout_s=timeout_s,
        )
        ready = asyncio.Event()
        task = asyncio.create_task(service.run(ready.set), name="gateway")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ready.wait()
            session = await by_hand.session()
            await session.has(lambda messages: any(each["type"] == "sync" for each in messages))
            yield Gateway(adapter, service, session)
        finally:
            task.cancel()
            await asyncio.wait((task,))
        assert task.cancelled() or task.exception() is None
    assert faults == []
    assert adapter.counters.internal_errors == 0
    assert service.core.counters.adapter_faults == 0
