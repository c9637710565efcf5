# SPDX-License-Identifier: BSD-3-Clause
"""Services of one host are found on another: by aiot, by avahi, by libcoap's client; and whatever others shout."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyaiot.cli.generate_keys import make_all
from pyaiot.discover.findings import LOOKED_FOR
from pyaiot.discover.mdns import MAX_INSTANCES
from tests.network.dns_packets import MDNS, response, service, text
from tests.network.namespaces import NetHost
from tests.process.processes import BIN, Host, Process

AVAHI = Path(__file__).parent / "avahi.sh"
UNSHARED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
TYPE = "_aiot-broker._tcp"
#: So many services pretend to be there.
PRETENDED = 10_000
#: What a service may grow by from all that; zeroconf keeps 10,000 records.
MAX_GROWTH = 64 * 1024 * 1024


async def start(home: Host, at: NetHost, command: str, *arguments: str) -> Process:
    """A command of ours on that host."""
    return await home.start_program(*at.command(sys.executable, BIN / command, *arguments), name=command)


async def discover(home: Host, at: NetHost, *arguments: str) -> tuple[int | None, list[dict[str, Any]]]:
    """The exit code of aiot discover, and what it found."""
    process = await start(home, at, "aiot", "discover", "--json", *arguments)
    code = await process.ended()
    return code, [json.loads(line) for line in process.lines if line.startswith("{")]


@pytest.mark.needs(
    "ip", "unshare", "dbus-daemon", "avahi-daemon", "avahi-browse", "coap-client-notls", "coap-server-notls"
)
async def test_what_is_on_one_host_is_found_on_another(hosts: tuple[NetHost, NetHost], home: Host) -> None:
    one, two = hosts
    keys = make_all(home.key_file, force=False)
    assert keys.broker is not None
    key = str(keys.broker.public)[:16]
    # On the same host, so that both share port 5353.
    avahi = await home.start_program(*one.command(*UNSHARED, "sh", AVAHI, TYPE), name="avahi")
    broker = await start(home, one, "aiot-broker", "--broker-host", one.ipv4, "--broker-port", "0")
    port = int((await broker.says(r"listening on \S+ port (\d+)"))[1])
    gateway = await start(
        *(home, one, "aiot-coap-gateway", "--broker-host", one.ipv4, "--broker-port", str(port)),
    )
    await gateway.says("Connected to the broker")
    await home.start_program(*two.command("coap-server-notls", "-g", "224.0.1.187"), name="coap-server")
    await broker.says(rf"announced to the network at {one.ipv4}: pyaiot broker on ")
    await avahi.says(rf"^=;one;IPv4;pyaiot.*;{TYPE};local;[^;]+-[0-9a-f]{{8}}\.local;{one.ipv4};{port};.*\"key={key}\"")

    code, found = await discover(home, two)
    assert code == 0
    kinds = {(each["kind"], each["pyaiot"]): each for each in found}
    assert set(kinds) == {("broker", True), ("coap", True), ("coap", False)}
    assert len(found) == 3
    there = kinds["broker", True]
    assert (there["url"], there["tells"]["key"]) == (f"ws://{one.ipv4}:{port}", key)
    answered = kinds["coap", True]
    # It is bound to every address: not announced, but it answers when all are asked.
    assert (answered["url"], answered["by"]) == (f"coap://{one.ipv4}", ["coap"])
    assert any(each.startswith("fe80:") and each.endswith("%two") for each in answered["addresses"])

    asked = two.run(shutil.which("coap-client-notls") or "", "-N", "-B5", "-mget", core("?rt=core.rd"))
    assert '</rd>;rt="core.rd";ct=40' in asked.stdout, asked.stderr
    await broker.stop()
    await avahi.says(rf"^-;one;IPv4;pyaiot.*;{TYPE};local")
    await gateway.stop()


def core(query: str) -> str:
    return f"coap://224.0.1.187/.well-known/core{query}"


@pytest.mark.needs("ip")
async def test_whatever_others_of_the_network_shout(hosts: tuple[NetHost, NetHost], home: Host) -> None:
    """10,000 services, huge records, nonsense: a service goes on, and discover shows some of them, made harmless."""
    one, two = hosts
    make_all(home.key_file, force=False)
    broker = await start(home, two, "aiot-broker", "--broker-host", two.ipv4, "--broker-port", "0")
    await broker.says("announced to the network")
    before = broker.resident_bytes()
    finding = await start(home, two, "aiot", "discover", "--json", "--timeout", "4")
    with one.inside(lambda: mdns_socket(one.ipv4)) as sock:
        while finding.process.returncode is None:
            for number, packet in enumerate(noise()):
                sock.sendto(packet, MDNS)
                if number % 20 == 0:
                    await asyncio.sleep(0.001)
    assert await finding.ended() == 0
    found = [json.loads(line) for line in finding.lines]
    assert MAX_INSTANCES < len(found) <= MAX_INSTANCES * len(LOOKED_FOR)
    assert all(line.isprintable() and len(line) < 4_000 for line in finding.lines)
    grown = broker.resident_bytes() - before
    print(f"{len(found)} found; the broker grew by {grown / 1e6:.1f} MB")
    assert grown < MAX_GROWTH
    await broker.stop()


def mdns_socket(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    sock.bind((address, MDNS[1]))
    return sock


def noise() -> Iterator[bytes]:
    """All of it, once."""
    chance = random.Random(7)
    types, colour = list(LOOKED_FOR), ("", "\x1b[31m")
    evil = text(b"aiot=\x1b]0;gone\x07" + b"9" * 200, b"path=/\r\n\x9b2J", b"tls=1", b"key=" + b"\xff" * 99)
    huge = text(*[b"x" * 255] * 33)
    for at in range(0, PRETENDED, 10):
        yield response(
            record
            for n in range(at, at + 10)
            for record in service(
                *(f"{colour[n % 2]}n{n}", types[n % len(types)]), port=80, address=f"10.1.{n >> 8}.{n & 255}", txt=evil
            )
        )
        yield chance.randbytes(chance.randrange(1, 1_400))
        yield response([])[:10] + chance.randbytes(chance.randrange(1, 1_400))
        if at % 200 == 0:
            yield response(service(f"h{at}", types[at % len(types)], port=1, address="10.77.0.1", txt=huge))


@pytest.mark.needs("ip")
async def test_a_service_that_cannot_announce_itself_serves_all_the_same(
    hosts: tuple[NetHost, NetHost], home: Host
) -> None:
    """Somebody has taken port 5353 for itself alone; and on a host without a network there is nothing to discover."""
    one, two = hosts
    make_all(home.key_file, force=False)

    def greedy() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", MDNS[1]))
        return sock

    with one.inside(greedy):
        broker = await start(home, one, "aiot-broker", "--broker-host", one.ipv4, "--broker-port", "0")
        port = int((await broker.says(r"listening on \S+ port (\d+)"))[1])
        await broker.says("not announced to the network: Address already in use")
        asked = one.run(
            "python3", "-c", f"import urllib.request as r; print(r.urlopen('http://{one.ipv4}:{port}/health').read())"
        )
        assert '"status": "ok"' in asked.stdout, asked.stderr
        await broker.stop()
    two.run("ip", "link", "set", two.device, "down")
    code, found = await discover(home, two)
    assert (code, found) == (1, [])
