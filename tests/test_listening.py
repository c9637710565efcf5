# SPDX-License-Identifier: BSD-3-Clause
"""What a server takes before anybody looks at it, and of how many."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler
from websockets.asyncio.client import connect

from pyaiot import listening
from pyaiot.listening import BoundedServer, CannotListen, bind, http_server, port_of
from tests.patience import PATIENCE_S


class Hello(RequestHandler):
    """Says hello."""

    def get(self) -> None:
        self.finish("hello")

    post = get


class Endless(RequestHandler):
    """Begins an answer, and never ends it."""

    async def get(self) -> None:
        self.write("…")
        await self.flush()
        await asyncio.Event().wait()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BoundedServer]:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 20)
    server = http_server(Application([("/", Hello), ("/endless", Endless)]))
    yield server
    server.stop()
    await server.close_all_connections()


@pytest.fixture
def port(server: BoundedServer) -> int:
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    return port_of(sockets)


def test_an_empty_host_is_called_all_addresses_where_it_cannot_be_had() -> None:
    sockets = bind("", 0, "web")
    try:
        with pytest.raises(
            CannotListen, match=r"^cannot listen on all addresses, port \d+ \(Address already in use\): stop"
        ):
            bind("", port_of(sockets), "web")
    finally:
        for each in sockets:
            each.close()


def test_a_free_port_is_one_that_is_free_at_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives a free port of the first address; at the next one a connection may have it."""
    taken = [OSError(errno.EADDRINUSE, "Address already in use")] * 2
    bind_sockets = listening.bind_sockets

    def bind_once_more(port: int, address: str | None) -> list[socket.socket]:
        if taken:
            raise taken.pop()
        return bind_sockets(port, address)

    monkeypatch.setattr(listening, "bind_sockets", bind_once_more)
    for each in bind("localhost", 0, "web"):
        each.close()
    assert taken == []
    taken.append(OSError(errno.EADDRINUSE, "Address already in use"))
    with pytest.raises(CannotListen, match="Address already in use"):
        bind("localhost", 1, "web")


async def begin(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    """Ask for an answer that does not end; its first line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return await reader.readline(), writer


async def ask(port: int, *, close: bool = True) -> tuple[bytes, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await reader.readline()
    if close:
        writer.close()
        await writer.wait_closed()
    return answer, writer


async def test_a_connection_too_many_is_dropped_and_room_is_found_again(port: int) -> None:
    answers = [await begin(port) for _ in range(20)]
    held = [writer for _, writer in answers]
    try:
        assert (await ask(port))[0] == b""
    except ConnectionResetError:
        pass
    held.pop().close()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (await ask(port))[0].startswith(b"HTTP/1.1 200"):
                    break
            except ConnectionResetError:
                pass
    for writer in held:
        writer.close()


async def silent_from(address: str, port: int, count: int) -> list[socket.socket]:
    """Connections of a host that begins requests and ends none; those that are held, the oldest first."""
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((address, 0))
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, b"GET / HT")
        found.append(sock)
    return found


async def ends(sock: socket.socket) -> bool:
    """Whether the server closes the connection, and says nothing."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return not await asyncio.get_running_loop().sock_recv(sock, 1)
    except ConnectionResetError:
        return True


async def test_who_begins_requests_and_ends_none_shuts_out_nobody(port: int) -> None:
    silent = await silent_from("127.0.0.1", port, 20)
    for number in range(3):
        # Not the newest goes, who may be anybody, but the one who has been silent longest.
        assert (await ask(port))[0].startswith(b"HTTP/1.1 200")
        assert number > 0 or await ends(silent[0])
    for sock in silent:
        sock.close()


async def test_one_address_has_only_so_many_connections_and_makes_room_in_itself(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS_PER_ADDRESS", 4)
    monkeypatch.setattr(listening, "is_loopback", lambda address: address == "127.0.0.1")
    other = await silent_from("127.0.0.3", port, 1)
    silent = await silent_from("127.0.0.2", port, 7)
    assert [await ends(sock) for sock in silent[:3]] == [True] * 3
    # This host's own are not counted: a proxy has many.
    own = [(await ask(port, close=False))[1] for _ in range(6)]
    for sock in (*other, *silent[3:]):
        await asyncio.get_running_loop().sock_sendall(sock, b"TP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert (await asyncio.get_running_loop().sock_recv(sock, 12)) == b"HTTP/1.1 200"
        sock.close()
    for writer in own:
        writer.close()


async def test_connections_that_come_and_go_leave_nothing(server: BoundedServer, port: int) -> None:
    for _ in range(100):
        assert (await ask(port))[0].startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(PATIENCE_S):
        while server._streams or server._groups or server._awaited:
            await asyncio.sleep(0.01)


async def test_websockets_that_come_and_go_leave_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MIN_SWEPT", 4)
    server = http_server(Application([("/echo", Echo)]))
    server._sweep_at = 4
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    kept = []
    for _ in range(40):
        async with connect(f"ws://127.0.0.1:{port_of(sockets)}/echo", proxy=None) as echo:
            await echo.send("here")
            assert await echo.recv() == "here"
        kept.append(len(server._streams))
    assert max(kept) <= 8
    server.stop()
    await server.close_all_connections()


async def test_a_large_body_is_refused_before_it_is_read(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\n\r\n" + b"x" * 100_000)
    try:
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        answer = b""
    assert b" 200 " not in answer
    writer.close()


async def test_what_is_sent_ahead_of_an_answer_is_read_only_a_little(port: int, server: BoundedServer) -> None:
    """Or each connection that waits for something would cost as much as its peer likes to send."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert (await loop.sock_recv(sock, 12)) == b"HTTP/1.1 200"
        await loop.sock_sendall(sock, b"x" * 150_000)
        (stream,) = server._streams
        while not stream._read_buffer_size:
            await asyncio.sleep(0.01)
        assert (await ask(port))[0].startswith(b"HTTP/1.1 200")  # the loop has gone round since
    assert stream._read_buffer_size <= listening.READ_BYTES
    sock.close()


#: In a process of its own: what is lowered here could not be raised again.
LOWERED = """
import asyncio, logging, resource, sys
soft, hard, servers, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
logging.basicConfig(format="%(message)s")
from pyaiot.listening import connection_limit, http_server, sharing
from tornado.web import Application
async def main():
    with sharing(servers):
        limits = {http_server(Application([])).max_connections, connection_limit(wanted)}
    print(*sorted(limits), resource.getrlimit(resource.RLIMIT_NOFILE)[0], connection_limit(wanted))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("soft", "hard", "servers", "each", "alone"),
    [
        (256, 512, 1, 512 - listening.SPARE_FILES, 512 - listening.SPARE_FILES),
        (256, 1_024, 5, (1_024 - listening.SPARE_FILES) // 5, 1_024 - listening.SPARE_FILES),
        (100, 100, 5, 10, 50),
    ],
)
def test_the_files_that_the_system_allows_are_shared_by_all_servers_of_a_process(
    soft: int, hard: int, servers: int, each: int, alone: int
) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert most == resource.RLIM_INFINITY or most >= hard
    command = [sys.executable, "-c", LOWERED, *map(str, (soft, hard, servers, 4_096))]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [int(word) for word in run.stdout.split()] == [each, hard, alone]
    first, *others = run.stderr.splitlines()
    assert first.startswith(f"The system allows {hard} open files, which is {each} connections for each of {servers} ")
    assert "ulimit -n" in first
    assert len(others) == (servers > 1)  # not for each of them


def test_with_enough_files_nothing_is_said() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOWERED, "1024", "10000", "5", "1900"], capture_output=True, text=True, check=True
    )
    assert (run.stdout.split(), run.stderr) == (["1900", "1974", "10000", "1900"], "")


class Echo(WebSocketHandler):
    """Says the same."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


async def test_an_http_connection_gets_old_and_a_websocket_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_AGE_S", 0.2)
    server = http_server(Application([("/", Hello), ("/echo", Echo)]))
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    async with connect(f"ws://127.0.0.1:{port_of(sockets)}/echo", proxy=None) as echo:
        await echo.send("before")
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sockets))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.read()).endswith(b"hello")
        writer.close()
        await echo.send("after")
        assert [await echo.recv(), await echo.recv()] == ["before", "after"]
        assert not server._ends
    server.stop()
    await server.close_all_connections()
