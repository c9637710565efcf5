# SPDX-License-Identifier: BSD-3-Clause
"""The link and the loop on CPython, over real sockets: what the build of MicroPython in the tests has no modules for.

That is TLS, for which the board's ``ssl`` has the same names as CPython's, and the loop of firmware without asyncio.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.ports import TlsPort
from tests.firmware.answering import answering
from tests.gateway.ws.ws_devices import Gateway
from tests.mqtt_broker.mqtt_client import running
from tests.patience import PATIENCE_S
from tests.process.mosquitto import Mosquitto, mosquitto
from tests.tls.authority import Authority

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.usefixtures("library")]


class Stopped(BaseException):
    """Ends a loop that nothing else ends."""


@contextmanager
def in_thread(url: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Any]:
    """A node that runs as on firmware without asyncio, until the test is over."""
    stopping = threading.Event()

    def sleep_ms(ms: int) -> None:
        if stopping.is_set():
            raise Stopped
        time.sleep(ms / 1000)

    monkeypatch.setattr(time, "sleep_ms", sleep_ms, raising=False)
    node = importlib.import_module("aiot").Node("Greenhouse", id="n1")
    link = importlib.import_module("aiot.link").Link(url, **options)
    loop = importlib.import_module("aiot.loop")

    def run() -> None:
        made = loop._loop(node, link, None, None)
        with pytest.raises(Stopped):
            loop.run_alone(made)

    thread = threading.Thread(target=run, name="board")
    thread.start()
    try:
        yield node
    finally:
        stopping.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


async def test_without_asyncio_it_runs_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with mosquitto(tmp_path) as broker, answering(broker.port) as gateway:
        with in_thread(f"mqtt://127.0.0.1:{broker.port}", monkeypatch) as node:
            node.on_write("led")(lambda value: value)
            await gateway.hears("node/n1/name")
            gateway.publish("gateway/n1/led/set", "1")
            assert (await gateway.hears("node/n1/led")).json == {"value": 1}
        await gateway.hears("node/n1/out")


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[Mosquitto]:
    """Mosquitto with TLS; its certificate for 127.0.0.1 is its own CA."""
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", *subject)
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"))
    openssl = await asyncio.create_subprocess_exec("openssl", "req", *made, *files, stderr=asyncio.subprocess.DEVNULL)
    assert await openssl.wait() == 0
    async with mosquitto(
        folder, "log_type all", f"certfile {folder}/certificate.pem", f"keyfile {folder}/key.pem"
    ) as broker:
        yield broker


def der(folder: Path) -> str:
    """The CA's certificate, as boards read it."""
    path = folder / "ca.der"
    path.write_bytes(ssl.PEM_cert_to_DER_cert((folder / "certificate.pem").read_text()))
    return str(path)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("verify", [True, False])
async def test_tls_with_the_right_ca_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: bool) -> None:
    async with secured(tmp_path) as broker:
        options: dict[str, Any] = {"ca": der(tmp_path)} if verify else {"verify": False}
        with in_thread(f"mqtts://127.0.0.1:{broker.port}", monkeypatch, **options) as node:
            assert node.id == "n1"
            await broker.says(r"Received PUBLISH from n1 .*node/check")


@pytest.mark.needs("openssl")
async def test_tls_with_another_ca_is_refused_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with secured(other):
        pass
    async with secured(tmp_path) as broker:
        with in_thread(f"mqtts://127.0.0.1:{broker.port}", monkeypatch, ca=der(other)) as node:
            node.value("temperature", 21.5)
            told = len(broker.log)
            await broker.says("New connection", after=told)
            await broker.says("New connection", after=len(broker.log))
            assert len(node.outbox) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().out


async def test_pyaiots_own_ports_by_tls_let_a_board_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("127.0.0.1")
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    (tmp_path / "certificate.pem").write_bytes(authority.file.read_bytes())
    ca, port = der(tmp_path), TlsPort(certificate, 0, alone=True)
    gateway = Gateway()
    gateway.adapter = WsAdapter(host="127.0.0.1", tls=port)
    await gateway.adapter.start(gateway)
    with in_thread(f"wss://127.0.0.1:{gateway.adapter.ports.tls_port}/node", monkeypatch, ca=ca) as node:
        node.value("temperature", 21.5)
        await gateway.until(lambda: gateway.nodes.get("n1", {}).get("temperature") == 21.5)
    await gateway.adapter.stop()
    await gateway.close()
    async with running(tmp_path, host="127.0.0.1", tls=TlsPort(certificate, 0)) as mqtt:
        client = await mqtt.client("gateway")
        await client.subscribe("node/check")
        with in_thread(f"mqtts://127.0.0.1:{mqtt.broker.ports.tls_port}", monkeypatch, ca=ca):
            assert b"n1" in (await client.message()).payload


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mqtt://",
        "http://x",
        "mqtt://user:secret@host",
        "mqtt://host:port",
        "ws://[::1",
        "mqtts://host",
        "wss://host",
    ],
)
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    link = importlib.import_module("aiot.link")
    with pytest.raises(ValueError, match=r"address|host and port|needs ca"):
        link.Link(url)


@pytest.mark.parametrize(
    "name", ["node", "outbox", "messages", "session", "backoff", "mqtt", "mqtt_packets", "websocket"]
)
def test_what_decides_does_no_io(name: str) -> None:
    module = importlib.import_module(f"aiot.{name}")
    lines = Path(module.__file__ or "").read_text(encoding="utf-8").splitlines()
    imports = [line.split() for line in map(str.strip, lines) if line.startswith(("import ", "from "))]
    assert not {words[1].partition(".")[0] for words in imports} & {"socket", "select", "ssl", "time", "asyncio", "os"}
