# SPDX-License-Identifier: BSD-3-Clause
"""Services of one host are found on another: by aiot, by avahi, by libcoap's client; and whatever others shout."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyaiot.cli.generate_keys import make_all
from pyaiot.discover.findings import LOOKED_FOR
from pyaiot.discover.mdns import MAX_INSTANCES
from pyaiot.keys import load
from tests.patience import TRIES
from tests.process.dns_packets import MDNS, response, service, text
from tests.process.namespaces import Namespace, ip, namespaces
from tests.process.processes import ROOT, Process

AVAHI = Path(__file__).parent / "avahi.sh"
UNSHARED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
#: The first host as the other sees it.
HUT = "10.77.1.1"
TYPE = "_aiot-broker._tcp"
#: So many services pretend to be there.
PRETENDED = 10_000
#: What a service may grow by from all that; zeroconf keeps 10,000 records.
MAX_GROWTH = 64 * 1024 * 1024


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[list[Namespace]]:
    """Two hosts on one cable."""
    async with namespaces(tmp_path, "hut", "laptop") as made:
        for host in made:
            host.environment["PYTHONPATH"] = str(ROOT)
        make_all(made[0].key_file, force=False)
        yield made


async def broker_on(hut: Namespace) -> tuple[Process, int]:
    """A broker at the address that the other host sees, and its port."""
    return await hut.broker("--broker-host", HUT)


async def discover(at: Namespace, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of aiot discover, and what it found."""
    finished = await at.run("aiot", "discover", "--json", *arguments)
    return finished.code, [json.loads(line) for line in finished.out.splitlines()]


def is_linked(found: dict[str, Any]) -> bool:
    """Whether it has answered from its address of the link, too."""
    return any(each.startswith("fe80:") and each.endswith("%eth0") for each in found["addresses"])


@pytest.mark.needs(
    "ip", "unshare", "dbus-daemon", "avahi-daemon", "avahi-browse", "coap-client-notls", "coap-server-notls"
)
async def test_what_is_on_one_host_is_found_on_another(hosts: list[Namespace]) -> None:
    hut, laptop = hosts
    broker_key = load(hut.key_file).trusted_broker
    key = str(broker_key)[:16]
    # On the same host, so that both share port 5353.
    avahi = await hut.start_program(*UNSHARED, "sh", str(AVAHI), TYPE, name="avahi")
    broker, port = await broker_on(hut)
    gateway, _ = await hut.coap_gateway(port, "--broker-host", HUT, coap_port=5683)
    # A device of another make; where no route says so libcoap does not know by which interface to ask a group.
    ip("-n", laptop.name, "route", "add", "224.0.0.0/4", "dev", "eth0")
    await laptop.start_program("coap-server-notls", "-g", "224.0.1.187", name="coap-server")
    await broker.says(rf"announced to the network at {HUT}: pyaiot broker on ")
    await avahi.says(rf"^=;eth1;IPv4;pyaiot.*;{TYPE};local;[^;]+-[0-9a-f]{{8}}\.local;{HUT};{port};.*\"key={key}\"")

    wanted = {("broker", True), ("coap", True), ("coap", False)}
    for _ in range(TRIES):  # libcoap takes up to 5 s, an address of IPv6 may take as long, and a busy machine more
        code, found = await discover(laptop, "--timeout", "6")
        kinds = {(each["kind"], each["pyaiot"]): each for each in found}
        if set(kinds) == wanted and is_linked(kinds["coap", True]):
            break
    assert (code, set(kinds), len(found)) == (0, wanted, 3), found
    there = kinds["broker", True]
    assert (there["url"], there["tells"]["key"]) == (f"ws://{HUT}:{port}", key)
    # It is bound to every address: not announced, but it answers when all are asked.
    answered = kinds["coap", True]
    assert (answered["url"], answered["by"]) == (f"coap://{HUT}", ["coap"])
    assert is_linked(answered), answered

    question = "coap://224.0.1.187/.well-known/core?rt=core.rd"
    for _ in range(TRIES):  # it says what it was told when the 5 s that it waits are over
        asking = await laptop.start_program("coap-client-notls", "-N", "-B5", "-mget", question, name="coap-client")
        await asking.ended()
        if asking.text:
            break
    await asking.says('</rd>;rt="core.rd";ct=40')
    await broker.stop()
    await avahi.says(rf"^-;eth1;IPv4;pyaiot.*;{TYPE};local")
    await gateway.stop()


@pytest.mark.needs("ip")
async def test_whatever_others_of_the_network_shout(hosts: list[Namespace]) -> None:
    """10,000 services, huge records, nonsense: a service goes on, and discover shows some of them, made harmless."""
    hut, laptop = hosts
    broker, _ = await broker_on(hut)
    await broker.says("announced to the network")
    before = broker.resident_bytes()
    with await asyncio.to_thread(laptop.open_socket, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.1.2"))
        sock.bind(("10.77.1.2", MDNS[1]))
        for timeout_s in (2, 8, 32):  # a busy machine needs longer to hear so many
            finding = await hut.start("aiot", "discover", "--json", "--timeout", str(timeout_s))
            while finding.process.returncode is None:
                for number, packet in enumerate(noise()):
                    sock.sendto(packet, MDNS)
                    if number % 20 == 0:
                        await asyncio.sleep(0.001)
            assert await finding.ended() == 0
            found = [json.loads(line) for line in finding.lines]
            if len(found) > MAX_INSTANCES:
                break
    assert MAX_INSTANCES < len(found) <= MAX_INSTANCES * len(LOOKED_FOR)
    assert all(line.isprintable() and len(line) < 4_000 for line in finding.lines)
    grown = broker.resident_bytes() - before
    print(f"{len(found)} found; the broker grew by {grown / 1e6:.1f} MB")
    assert grown < MAX_GROWTH
    await broker.stop()


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
async def test_a_service_that_cannot_announce_itself_serves_all_the_same(hosts: list[Namespace]) -> None:
    """Somebody has taken port 5353 for itself alone; and on a host without a network there is nothing to discover."""
    hut, laptop = hosts
    with await asyncio.to_thread(hut.open_socket, socket.SOCK_DGRAM) as greedy:
        greedy.bind(("", MDNS[1]))
        broker, port = await broker_on(hut)
        await broker.says("not announced to the network: Address already in use")
        told = await hut.run("aiot", "health", f"http://{HUT}:{port}/health")
        assert told.code == 0, told
        await broker.stop()
    ip("-n", laptop.name, "link", "set", "eth0", "down")
    assert await discover(laptop) == (1, [])
