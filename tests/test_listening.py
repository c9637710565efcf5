# SPDX-License-Identifier: BSD-3-Clause
"""What a server takes before anybody looks at it, and of how many."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler
from websockets.asyncio.client import connect

from pyaiot import listening
from pyaiot.listening import bind, http_server, port_of


class Hello(RequestHandler):
    """Says hello."""

    def get(self) -> None:
        self.finish("hello")

    post = get


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 20)
    server = http_server(Application([("/", Hello)]))
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    yield port_of(sockets)
    server.stop()
    await server.close_all_connections()


async def ask(port: int, *, close: bool = True) -> tuple[bytes, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await reader.readline()
    if close:
        writer.close()
        await writer.wait_closed()
    return answer, writer


async def test_a_connection_too_many_is_dropped_and_room_is_found_again(port: int) -> None:
    held = [(await ask(port, close=False))[1] for _ in range(20)]
    try:
        assert (await ask(port))[0] == b""
    except ConnectionResetError:
        pass
    held.pop().close()
    async with asyncio.timeout(10):
        while True:
            try:
                if (await ask(port))[0].startswith(b"HTTP/1.1 200"):
                    break
            except ConnectionResetError:
                pass
    for writer in held:
        writer.close()


async def test_connections_that_come_and_go_leave_nothing(port: int) -> None:
    for _ in range(100):
        assert (await ask(port))[0].startswith(b"HTTP/1.1 200")


async def test_a_large_body_is_refused_before_it_is_read(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\n\r\n" + b"x" * 100_000)
    try:
        answer = await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        answer = b""
    assert b" 200 " not in answer
    writer.close()


def test_the_limit_of_open_files_is_raised_and_bounds_the_connections() -> None:
    """In a process of its own: what is lowered here could not be raised again."""
    script = """
import asyncio, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512))
from pyaiot.listening import http_server
from tornado.web import Application
async def main():
    print(http_server(Application([])).max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
asyncio.run(main())
"""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 512
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(512 - listening.SPARE_FILES), "512"]


class Echo(WebSocketHandler):
    """Says the same."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


async def test_an_http_connection_gets_old_and_a_websocket_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_AGE_S", 0.2)
    server = http_server(Application([("/", Hello), ("/echo", Echo)]))
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    async with connect(f"ws://127.0.0.1:{port_of(sockets)}/echo", proxy=None) as socket:
        await socket.send("before")
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sockets))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(b"hello")
        writer.close()
        await socket.send("after")
        assert [await socket.recv(), await socket.recv()] == ["before", "after"]
        assert not server._ends
    server.stop()
    await server.close_all_connections()
