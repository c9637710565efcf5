# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard's server: what it answers, with which headers, and what it never gives away."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from pyaiot import listening
from pyaiot.addresses import broker_url
from pyaiot.dashboard.config import DashboardConfig
from pyaiot.dashboard.handlers import FOR_EVER
from pyaiot.dashboard.server import DashboardServer
from pyaiot.listening import CannotListen
from tests.patience import PATIENCE_S

PAGE = b"<!doctype html><title>page</title>"
SCRIPT = b"console.log(1)"
WRONG_HOSTS = [
    "",
    "*",
    "http:",
    "a b",
    "a;script-src",
    "'self'",
    "camera/live",
    "[fd00::1]",
    "camera:0",
    "camera:70000",
    "ftp://a",
]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "assets" / "x-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "x-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "x-1a2b.js.br").write_bytes(b"stands for brotli")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static-secret").mkdir()
    (tmp_path / "static-secret" / "key").write_text("secret")
    return folder


class Client:
    """Asks one server."""

    def __init__(self, server: DashboardServer) -> None:
        self.server = server

    async def get(self, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"" if method in ("POST", "PUT") else None
        return await AsyncHTTPClient().fetch(
            url, method=method, headers=named, body=body, raise_error=False, decompress_response=False
        )

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(request + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            return await asyncio.wait_for(reader.read(), PATIENCE_S)
        finally:
            writer.close()


@pytest_asyncio.fixture
async def client(static: Path) -> AsyncIterator[Client]:
    async with running(static_path=static) as started:
        yield started


class running:
    """A server for the length of a block."""

    def __init__(self, **settings: Any) -> None:
        self.server = DashboardServer(DashboardConfig(**settings), "127.0.0.1", 0)

    async def __aenter__(self) -> Client:
        await self.server.start()
        return Client(self.server)

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()


@pytest.mark.parametrize("path", ["/", "/index.html"])
async def test_the_page_is_never_kept(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.code, answer.body) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = await client.get(path, If_None_Match=answer.headers["Etag"])
    assert (again.code, again.body) == (304, b"")


async def test_assets_are_kept_for_ever(client: Client) -> None:
    answer = await client.get("/assets/x-1a2b.js")
    assert (answer.code, answer.body) == (200, SCRIPT)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == FOR_EVER
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers
    missing = await client.get("/assets/x-0000.js")
    assert missing.code == 404
    assert missing.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0, gzip;q=0.0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("identity", None),
        ("br;q=nonsense", None),
        ("", None),
        (", ;;=,q", None),
    ],
)
async def test_compressed_as_the_browser_likes(client: Client, accepted: str, encoding: str | None) -> None:
    answer = await client.get("/assets/x-1a2b.js", Accept_Encoding=accepted)
    assert answer.headers.get("Content-Encoding") == encoding
    expected = {"br": b"stands for brotli", None: SCRIPT}
    assert (gzip.decompress(answer.body) if encoding == "gzip" else answer.body) == expected.get(encoding, SCRIPT)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/assets/x-1a2b.js", "/config.json", "/health", "/nothing"])
async def test_head_is_get_without_a_body(client: Client, path: str) -> None:
    full, head = await client.get(path), await client.get(path, method="HEAD")
    assert head.body == b""
    assert head.code == full.code
    for name in ("Content-Length", "Content-Type", "Cache-Control", "Content-Security-Policy"):
        assert head.headers[name] == full.headers[name]


@pytest.mark.parametrize("path", ["/", "/assets/x-1a2b.js", "/config.json", "/health", "/nothing", "/a/b/c?d=e"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_security_headers_on_every_answer(client: Client, path: str, method: str) -> None:
    headers = (await client.get(path, method)).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; worker-src 'self'; manifest-src 'self'; style-src 'self'; "
        "img-src 'self' data:; "
        "connect-src 'self' ws://localhost:8000; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
        "require-trusted-types-for 'script'; trusted-types svelte-trusted-html pyaiot-service-worker"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Server" not in headers


async def test_only_the_page_to_join_may_ask_for_sensors(client: Client, static: Path) -> None:
    nothing = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=()"
    for path in ("/", "/nothing", "/config.json", "/assets/x-1a2b.js"):
        assert (await client.get(path)).headers["Permissions-Policy"] == nothing
    (static / "join.html").write_bytes(b"join")
    (static / "index.html").write_bytes(PAGE + b"newer")
    for path in ("/join", "/join.html"):
        answer = await client.get(path)
        assert (answer.code, answer.body, answer.headers["Cache-Control"]) == (200, b"join", "no-cache")
        assert answer.headers["Permissions-Policy"] == (
            "accelerometer=(self), camera=(), geolocation=(self), gyroscope=(self), microphone=()"
        )


async def test_the_policy_names_the_configured_hosts(static: Path) -> None:
    settings: dict[str, Any] = {
        "broker_url": "wss://broker.example.org/rpc",
        "logo": "https://pictures.example.org/logo.png",
        "camera_url": "http://10.0.0.7:8081/live?x=1;script-src *",
        "map_tiles": "https://tiles.example.org/{z}/{x}/{y}.png?style=a;script-src *",
        "webcam_hosts": ["barn.local:8081", "https://*.cameras.example.org"],
    }
    async with running(static_path=static, **{**settings, "webcam_hosts": tuple(settings["webcam_hosts"])}) as client:
        answer = await client.get("/")
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "connect-src 'self' wss://broker.example.org" in policy
        assert (
            "img-src 'self' data: barn.local:8081 http://10.0.0.7:8081 https://*.cameras.example.org "
            "https://pictures.example.org https://tiles.example.org"
        ) in policy
        assert sum(part.startswith("script-src") for part in policy) == 1
        assert json.loads((await client.get("/config.json")).body) == {"title": "IoT Dashboard", **settings}


async def test_other_methods_are_refused(client: Client) -> None:
    answer = await client.get("/", method="POST")
    assert (answer.code, answer.body) == (405, b"405 Method Not Allowed\n")


async def test_not_found_is_plain(client: Client) -> None:
    answer = await client.get("/nothing")
    assert (answer.code, answer.body) == (404, b"404 Not Found\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 90000000", b"Transfer-Encoding: chunked", b"Content-Length: 1025", b"X: " + b"y" * 20_000],
)
async def test_what_is_too_large_is_refused_before_it_is_kept(client: Client, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(b"POST /x HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
    if b"chunked" in head:
        writer.write(b"401\r\n" + b"x" * 1_025)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    assert answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
    ],
)
async def test_who_does_not_go_on_is_let_go(static: Path, begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "IDLE_S", 0.2)
    monkeypatch.setattr(listening, "BODY_S", 0.2)
    async with running(static_path=static) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        writer.write(begun)
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
        writer.close()


@pytest.mark.parametrize(
    "path",
    [
        b"/../secret.txt",
        b"/assets/../../secret.txt",
        b"/..%2fsecret.txt",
        b"/%2e%2e/secret.txt",
        b"/%252e%252e/secret.txt",
        b"/..\\secret.txt",
        b"/../static-secret/key",
        b"//etc/passwd",
        b"/assets//etc/passwd",
        b"/assets/x-1a2b.js/../../../secret.txt",
        b"/%00",
        b"/assets/x-1a2b.js%00.html",
        b"/\xff\xfe",
        b"/%ff",
        b"/assets",
        b"/assets/",
        b"http://127.0.0.1/../secret.txt",
    ],
)
async def test_no_path_leads_outside(client: Client, path: bytes) -> None:
    answer = await client.raw(b"GET " + path)
    assert answer.split(b" ", 2)[1] in (b"400", b"404")
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]
    assert b"root:" not in answer


async def test_config_and_health(client: Client) -> None:
    answer = await client.get("/config.json")
    assert json.loads(answer.body) == {"broker_url": "ws://localhost:8000/rpc", "title": "IoT Dashboard"}
    assert answer.headers["Cache-Control"] == "no-cache"
    told = json.loads((await client.get("/health")).body)
    assert (told["status"], told["service"]) == ("ok", "aiot-dashboard")


async def test_the_manifest_names_the_page_and_what_stands_for_it(static: Path) -> None:
    async with running(static_path=static, title='The "barn" <1>') as client:
        answer = await client.get("/manifest.webmanifest")
        assert (answer.code, answer.headers["Content-Type"]) == (200, "application/manifest+json")
        assert answer.headers["Cache-Control"] == "no-cache"
        told = json.loads(answer.body)
        assert (told["name"], told["start_url"], told["scope"]) == ('The "barn" <1>', "./", "./")
        assert [icon["sizes"] for icon in told["icons"]] == ["192x192", "512x512", "512x512"]
    async with running(static_path=static, favicon="https://pictures.example.org/own.svg") as client:
        told = json.loads((await client.get("/manifest.webmanifest")).body)
        assert told["icons"] == [{"src": "https://pictures.example.org/own.svg", "sizes": "any"}]


async def test_a_broker_behind_the_same_proxy_is_named_from_the_page(static: Path) -> None:
    async with running(static_path=static, broker_url="rpc") as client:
        answer = await client.get("/config.json", Host="iot.example.org:8443")
        assert json.loads(answer.body)["broker_url"] == "rpc"
        policy = answer.headers["Content-Security-Policy"]
        assert "connect-src 'self' ws://iot.example.org:8443 wss://iot.example.org:8443;" in policy
    for host in ("[::1]:80", "x; script-src *", "a b", "", "x:1 https:"):
        assert DashboardConfig(broker_url="rpc").broker_sources(host) == []


async def test_own_logo(static: Path, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG")
    async with running(static_path=static, logo=str(logo), favicon=str(logo)) as client:
        assert json.loads((await client.get("/config.json")).body)["logo"] == "branding/logo"
        answer = await client.get("/branding/logo")
        assert (answer.body, answer.headers["Content-Type"]) == (b"\x89PNG", "image/png")
        logo.unlink()
        assert (await client.get("/branding/logo")).code == 404


async def test_a_missing_page_says_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    static = tmp_path / "static"
    async with running(static_path=static) as client:
        answer = await client.get("/")
        assert answer.code == 503
        assert answer.body.count(b"\n") == 1
        for part in (str(static), "make front-end", "pip install ."):
            assert part in answer.body.decode()
            assert part in caplog.text
        answer = await client.get("/health")
        assert (answer.code, json.loads(answer.body)["status"]) == (503, "degraded")
        static.mkdir()
        (static / "not-built.txt").write_text("npm ci failed: no network\nmore")
        assert b"npm ci failed: no network. Run" in (await client.get("/")).body
        (static / "index.html").write_bytes(PAGE)
        assert (await client.get("/")).body == PAGE
        assert (await client.get("/health")).code == 200


async def test_a_new_build_shows_without_a_restart(client: Client, static: Path) -> None:
    assert (await client.get("/")).body == PAGE
    (static / "index.html").write_bytes(b"newer")
    (static / "assets" / "y.js").write_bytes(b"2")
    assert (await client.get("/")).body == b"newer"
    assert (await client.get("/assets/y.js")).body == b"2"


async def test_stop_frees_the_port(static: Path) -> None:
    async with running(static_path=static) as client:
        await client.get("/")
        port = client.server.port
    again = DashboardServer(DashboardConfig(static_path=static), "127.0.0.1", port)
    await again.start()
    await again.stop()
    await again.stop()


async def test_a_taken_port_is_an_error(client: Client, static: Path) -> None:
    with pytest.raises(CannotListen, match="in use"):
        await DashboardServer(DashboardConfig(static_path=static), "127.0.0.1", client.server.port).start()


@pytest.mark.parametrize(
    ("host", "port", "ssl", "url"),
    [
        ("localhost", "8000", False, "ws://localhost:8000/rpc"),
        ("iot.example.org", "", True, "wss://iot.example.org/rpc"),
        ("::1", "8000", False, "ws://[::1]:8000/rpc"),
        ("[fd00::1]", "", True, "wss://[fd00::1]/rpc"),
        ("10.0.0.1", "80", False, "ws://10.0.0.1:80/rpc"),
    ],
)
def test_broker_url(host: str, port: str, ssl: bool, url: str) -> None:
    assert broker_url(host, port, ssl, "/rpc") == url
    assert DashboardConfig(broker_url=url).broker_url == url


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("", "8000"),
        ("a b", "8000"),
        ("host/x", ""),
        ("user@host", ""),
        ("host;x", ""),
        ("host", "http"),
        ("h", "70000"),
        ("fe80::1%eth0", "8000"),
    ],
)
def test_no_broker_url_from_nonsense(host: str, port: str) -> None:
    with pytest.raises(ValueError, match=r"is not (a URL|the name or address of a host)"):
        DashboardConfig(broker_url=broker_url(host, port, False, "/rpc"))


@pytest.mark.parametrize(
    "settings",
    [
        {"broker_url": "http://localhost:8000/rpc"},
        {"broker_url": "ws://"},
        {"broker_url": "ws://host'; script-src *"},
        {"camera_url": "javascript:alert(1)"},
        {"camera_url": "//camera/live"},
        {"camera_url": "http://camera/live\nX: y"},
        {"logo": "ftp://host/logo.png"},
        {"logo": "/nowhere/logo.png"},
        {"favicon": "https://"},
        {"broker_url": ""},
        {"broker_url": "//evil.example/rpc"},
        {"broker_url": "rpc; script-src *"},
        {"map_tiles": "https://tiles.example.org/{z}/{x}.png"},
        {"map_tiles": "https://{s}.example.org/{z}/{x}/{y}.png"},
        {"map_tiles": "tiles/{z}/{x}/{y}.png"},
        *({"webcam_hosts": (host,)} for host in WRONG_HOSTS),
        {"webcam_hosts": ("camera.local",) * 65},
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        DashboardConfig(**settings)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("raspberrypi.local:8080", "ws://raspberrypi.local:8000/rpc"),
        ("192.0.2.1", "ws://192.0.2.1:8000/rpc"),
        ("[2001:db8::1]:8080", "ws://[2001:db8::1]:8000/rpc"),
    ],
)
async def test_a_broker_on_every_address_is_reached_where_the_page_was(static: Path, asked: str, told: str) -> None:
    async with running(static_path=static, broker_url="ws://0.0.0.0:8000/rpc") as client:
        answer = await client.get("/config.json", Host=asked)
        assert json.loads(answer.body)["broker_url"] == told
        connect = answer.headers["Content-Security-Policy"].partition("connect-src ")[2].partition(";")[0]
        assert connect == ("'self' ws:" if "[" in asked else f"'self' {told.removesuffix('/rpc')}")


def test_no_host_header_can_add_to_the_policy() -> None:
    config = DashboardConfig(broker_url="ws://[::]:8000/rpc")
    for host in ("evil.example; script-src *", "a b", "x'y", "", "a/b", "[::1", "evil.example:8080 https://*"):
        assert config.broker_url_for(host) == "ws://[::]:8000/rpc"
