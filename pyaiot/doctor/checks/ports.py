# SPDX-License-Identifier: BSD-3-Clause
"""What listens where, what is in the way of it, and who can reach it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot.addresses import is_loopback
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.proc_net import Listening, overlaps
from pyaiot.doctor.subjects import ROLES, Door

#: Another port is proposed among so many above the wanted one.
_NEAR: Final = 100


@dataclass(frozen=True, slots=True)
class Sockets:
    """What was seen. ``ours``: the service of each process of ours; ``resolved``: addresses of each host by its name,
    none where it has none; ``foreign``: those of them that are not this host's; ``own``: some that are."""

    listening: Sequence[Listening]
    ours: Mapping[int, str]
    resolved: Mapping[str, tuple[str, ...]]
    foreign: frozenset[str] = frozenset()
    own: Collection[str] = ()


def check_ports(doors: Sequence[Door], seen: Sockets) -> Iterator[Finding]:
    """Each door: open, free, or with something in the way."""
    wanted = {(door.transport, door.port) for door in doors}
    for number, door in enumerate(doors):
        rival = next((other for other in doors[:number] if _are_rivals(door, other, seen)), None)
        yield _check(door, seen, wanted) if rival is None else _wanted_twice(door, rival, seen)


def _are_rivals(door: Door, other: Door, seen: Sockets) -> bool:
    """Whether two that do not run would both listen there; of those that do, the one that came first has it."""
    same = (door.transport, door.port) == (other.transport, other.port) and door.port != 0
    if not same or door.pid is not None or other.pid is not None:
        return False
    return any(overlaps(here, there) for here in _addresses(door, seen) for there in _addresses(other, seen))


def _wanted_twice(door: Door, rival: Door, seen: Sockets) -> Finding:
    variable = f"AIOT_{door.port_option.upper()}_PORT"
    return Finding(
        check="ports.twice",
        level="problem",
        service=door.service,
        summary=f"{_place(door)} ({door.role}) is what {rival.service} wants, too: one of them will not start",
        fix=f"give one a port of its own: {variable}={door.port + 1 if door.port < 65_535 else door.port - 1} "
        f"for it alone (with systemd in /etc/pyaiot/{door.service}.environment)",
        facts=_facts(door, _addresses(door, seen)) | {"other": rival.service},
    )


def _check(door: Door, seen: Sockets, wanted: Collection[tuple[str, int]]) -> Finding:
    addresses = ("0.0.0.0", "::") if not door.host else seen.resolved.get(door.host, ())
    if not addresses:
        return _bad_host(door, f"{door.host!r} is not a name or address of this host", seen)
    # Without IPv6 localhost may still have the name's second address: services pass that over.
    foreign = [each for each in addresses if each in seen.foreign and not is_loopback(each)]
    if foreign:
        return _bad_host(door, f"{foreign[0]} is not an address of this host", seen)
    same = [each for each in seen.listening if each.transport == door.transport]
    if door.port == 0:
        return _any_port(door, [each for each in same if door.pid is not None and each.pid == door.pid])
    found = [each for each in same if each.port == door.port and any(overlaps(a, each.address) for a in addresses)]
    mine = [each for each in found if _is_of(door, each, seen.ours)]
    strangers = [each for each in found if each not in mine]
    if strangers:
        return _taken(door, strangers[0], seen, wanted)
    if mine:
        return _open(door, mine)
    if door.pid is not None:
        return Finding(
            check="ports.closed",
            level="problem",
            service=door.service,
            summary=f"runs (pid {door.pid}), but does not listen on {_place(door)}",
            fix=f"look at its log, then start it again: kill {door.pid}",
            facts=_facts(door, addresses),
        )
    reach = "; other hosts will reach it" if _is_public(addresses) else ""
    return Finding(
        check="ports.free",
        level="ok",
        service=door.service,
        summary=f"{_place(door)} ({door.role}) is free{reach}",
        facts=_facts(door, addresses),
    )


def check_devices_doors(doors: Iterable[Door], seen: Sockets) -> Iterator[Finding]:
    """Which ways in for devices other hosts reach that are not encrypted."""
    public = [
        f"{_place(door)} ({door.role})"
        for door in doors
        if door.role in ("coap", "ws", "http", "mqtt-broker") and not door.tls and _is_public(_addresses(door, seen))
    ]
    if public:
        yield Finding(
            check="exposure.devices",
            level="note",
            summary=f"devices on other hosts reach {', '.join(public)}; nothing of that is encrypted",
            facts={"doors": public},
        )


def is_public(door: Door, seen: Sockets) -> bool:
    """Whether other hosts can reach it, as far as its address goes."""
    return _is_public(_addresses(door, seen))


def _addresses(door: Door, seen: Sockets) -> tuple[str, ...]:
    return seen.resolved.get(door.host, ()) if door.host else ("0.0.0.0", "::")


def _is_public(addresses: Iterable[str]) -> bool:
    return any(not is_loopback(each) for each in addresses)


def _is_of(door: Door, socket: Listening, ours: Mapping[int, str]) -> bool:
    """Whether ``socket`` is the door itself: of its process, or of one that is the same service among others.

    Of a socket whose process we may not see it is believed, where the service runs.
    """
    if socket.pid is None:
        return door.pid is not None
    if socket.pid == door.pid:
        return True
    if door.pid is not None or socket.pid not in ours:
        return False
    roles = ROLES[ours[socket.pid]]
    return door.role in roles or (door.role == "mqtt-broker" and "mqtt" in roles)


def _open(door: Door, sockets: Sequence[Listening]) -> Finding:
    addresses = sorted({each.address for each in sockets}, key=lambda text: (":" in text, text))
    reach = "for other hosts, too" if _is_public(addresses) else "for this host only"
    whom = sockets[0].pid or door.pid
    return Finding(
        check="ports.open",
        level="ok",
        service=door.service,
        summary=f"{_place(door)} ({door.role}) at {' and '.join(addresses)}, {reach}",
        facts={**_facts(door, addresses), "pid": whom, "public": _is_public(addresses)},
    )


def _any_port(door: Door, sockets: Sequence[Listening]) -> Finding:
    found = ", ".join(f"{each.address} port {each.port}" for each in sockets)
    return Finding(
        check="ports.any",
        level="note",
        service=door.service,
        summary=f"{_flag(door)}=0: any free {door.transport} port" + (f"; it has {found}" if found else ""),
        facts=_facts(door, ()),
    )


def _bad_host(door: Door, why: str, seen: Sockets) -> Finding:
    own = sorted(seen.own, key=lambda text: (":" in text, text))[:4]
    variable = f"AIOT_{door.option.upper()}_HOST"
    return Finding(
        check="ports.host",
        level="problem",
        service=door.service,
        summary=f"cannot listen: --{door.option}-host: {why}",
        fix=f"{variable}={own[0] if own else 'localhost'}, or another of this host's: {', '.join(own) or 'localhost'}",
        facts={**_facts(door, ()), "own": own},
    )


def _taken(door: Door, socket: Listening, seen: Sockets, wanted: Collection[tuple[str, int]]) -> Finding:
    used = {each.port for each in seen.listening if each.transport == door.transport}
    used |= {port for transport, port in wanted if transport == door.transport}
    other = next((each for each in range(door.port + 1, door.port + _NEAR) if each not in used and each < 65_536), None)
    instead = f"AIOT_{door.port_option.upper()}_PORT={other or '…'}, or {_flag(door)}"
    if socket.pid is None:
        whom, stop = f"a program of uid {socket.uid}", "sudo aiot doctor tells which"
    else:
        whom = f"{seen.ours.get(socket.pid) or socket.command or 'a program'} (pid {socket.pid})"
        # The first process has sockets of others that are started when somebody calls (systemd.socket(5)).
        stop = "systemctl list-sockets tells for whom" if socket.pid == 1 else f"kill {socket.pid}"
    runs = "does not listen on" if door.pid is not None else "cannot listen on"
    return Finding(
        check="ports.taken",
        level="problem",
        service=door.service,
        summary=f"{runs} {_place(door)}: {whom} does, at {socket.address}",
        fix=f"{stop}; or take another port: {instead}",
        facts={**_facts(door, (socket.address,)), "pid": socket.pid, "command": socket.command, "uid": socket.uid},
    )


def _flag(door: Door) -> str:
    """The option that says its port."""
    return f"--{door.port_option.replace('_', '-')}-port"


def _place(door: Door) -> str:
    return f"{door.transport} port {door.port}" + " by TLS" * door.tls


def _facts(door: Door, addresses: Sequence[str]) -> dict[str, object]:
    return {
        "role": door.role,
        "transport": door.transport,
        "host": door.host,
        "port": door.port,
        "addresses": list(addresses),
    }
