# SPDX-License-Identifier: BSD-3-Clause
"""Which device is where: uids and addresses, told apart by port where several devices share an address.

A uid is a device's name and an address is only where it is now. The rules:

1. ``/alive`` and ``/rd`` say a uid, and so bind it to the address and port that they came from. Another uid
   that had the same address *and* port loses them: it is not there any more, and its node is out at once. So one
   socket is one node, and one address at most :data:`MAX_DEVICES_PER_ADDRESS`: nobody can fill the gateway alone.
2. Who sent ``/server`` (which says no uid)? The device bound to that address and port; else the only device of
   that address that does not keep to its port (firmware sends each message from another one). A device keeps to
   its port once both its ``/alive`` and a ``/server``, in either order, came from the same one; beside other
   devices of that address also once it registered the port that it sends from, or answered there. Nobody found,
   or several, means 4.04, upon which a device sends ``/alive`` from that very port.
3. Requests go to the port that the device registered as its ``base``; else to the port at which it answered a
   discovery; else to the first of :meth:`Contacts.candidates`.
4. Candidates are the standard port (``device_port``, 5683) and the port that the device sends from. The
   standard port comes first, except where several devices share the address, the device is on the gateway's
   own host or it registered at ``/rd``: there the source port comes first. A port that another device of that
   address answers at is no candidate, and nor is the gateway's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: As the socket gives it: host, port, flow information, zone (scope id); IPv4 as ``::ffff:192.0.2.1``.
SockAddr: TypeAlias = tuple[str, int, int, int]

#: Devices behind one address (a NAT, a simulator); more are refused.
MAX_DEVICES_PER_ADDRESS = 1024
#: Sources of messages from nobody known that are remembered.
MAX_STRANGERS = 4096
_NO = object()


def readable(host: str) -> str:
    """The address as people write it: ``127.0.0.1`` for ``::ffff:127.0.0.1``."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def is_link_local(host: str) -> bool:
    """Whether ``host`` needs a zone (RFC 4291 section 2.4: fe80::/10)."""
    return host[:3].lower() == "fe8" or host[:3].lower() in ("fe9", "fea", "feb")


@dataclass(slots=True)
class Device:
    """Where a device is. Made and changed by :class:`Contacts` only."""

    uid: str
    #: Where its last message came from.
    source: SockAddr
    #: It keeps to its port (rule 2).
    steady: bool = False
    #: It is on the same host as the gateway.
    local: bool = False
    #: It said itself (RFC 9176 ``base``) which port to use.
    registered_port: int | None = None
    #: It registered without a ``base``: that means the port that it sends from (RFC 9176 section 5).
    serves_at_source: bool = False
    #: The port at which it answered.
    settled_port: int | None = None
    #: It has answered a request of ours at its present address: somebody is there, and not only a sender.
    answered: bool = False

    @property
    def is_at_home(self) -> bool:
        """Whether it serves at the very port that it sends from."""
        return self.serves_at_source or self.source[1] in (self.settled_port, self.registered_port)


class Contacts:
    """Everybody's address; answers in time bounded by the devices of one address, however many there are."""

    def __init__(self, *, device_port: int = 5683, zone: int = 0) -> None:
        """``zone`` is the interface index for link-local addresses (``--interface``), 0 for the sender's own."""
        self._device_port = device_port
        self._zone = zone
        #: The gateway's own port, known when it listens; no device is there on the gateway's host.
        self.own_port = 0
        self._devices: dict[str, Device] = {}
        self._by_source: dict[SockAddr, Device] = {}
        self._by_host: dict[tuple[str, int], dict[str, Device]] = {}
        #: Where ``/server`` came from and nobody was known, the newest last; for rule 2.
        self._strangers: dict[SockAddr, None] = {}

    def __len__(self) -> int:
        return len(self._devices)

    def __contains__(self, uid: object) -> bool:
        return uid in self._devices

    def get(self, uid: str) -> Device | None:
        """The device called ``uid``, if its address is known."""
        return self._devices.get(uid)

    def at(self, source: SockAddr) -> str | None:
        """The uid bound to this very address and port."""
        device = self._by_source.get(source)
        return None if device is None else device.uid

    def has_room(self, uid: str, source: SockAddr) -> bool:
        """Whether ``uid`` may be bound to ``source`` without too many devices at that address."""
        neighbours = self._by_host.get(_host(source), {})
        return len(neighbours) < MAX_DEVICES_PER_ADDRESS or uid in neighbours or source in self._by_source

    def bind(self, uid: str, source: SockAddr, *, local: bool = False) -> bool:
        """``uid`` said its name from ``source``; true when requests to it go elsewhere than before.

        ``local``: the message came from the gateway's own host.
        """
        device = self._devices.get(uid)
        if device is not None and device.source == source:
            device.local = local
            return False
        steady = self._strangers.pop(source, _NO) is None
        if device is None:
            device = self._devices[uid] = Device(uid, source, steady=steady, local=local)
            self._enter(device)
            return True
        before = self.target(uid)
        moved = _host(device.source) != _host(source)
        self._leave(device)
        if moved or device.settled_port == device.source[1]:
            device.settled_port = None
        if moved:
            device.registered_port, device.serves_at_source = None, False
            device.answered = False
        device.source, device.steady, device.local = source, steady, local
        self._enter(device)
        return self.target(uid) != before

    def identify(self, source: SockAddr) -> str | None:
        """The uid of who sent a message without one from ``source``, or None (rule 2)."""
        device = self._by_source.get(source)
        if device is not None:
            device.steady = True
            return device.uid
        neighbours = self._by_host.get((source[0], source[3]), {})
        alone = len(neighbours) == 1
        roaming = (other for other in neighbours.values() if not (other.steady or (other.is_at_home and not alone)))
        device = next(roaming, None)
        if device is not None and next(roaming, None) is None:
            return device.uid
        self._strangers[source[0], source[1], source[2], source[3]] = None
        if len(self._strangers) > MAX_STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        return None

    def candidates(self, uid: str) -> list[int]:
        """The ports to try, best first (rules 3 and 4); empty for an unknown uid."""
        device = self._devices.get(uid)
        if device is None:
            return []
        if device.registered_port is not None:
            return [device.registered_port]
        host, source_port = _host(device.source), device.source[1]
        neighbours = self._by_host[host]
        ports = [self._device_port, source_port]
        if device.local or device.serves_at_source or len(neighbours) > 1:
            ports.reverse()
        if device.settled_port is not None:
            ports.insert(0, device.settled_port)
        taken = {
            port
            for other in neighbours.values()
            if other is not device
            for port in (other.settled_port, other.registered_port)
        }
        if device.local:
            taken.add(self.own_port)
        return [port for port in dict.fromkeys(ports) if port not in taken]

    def target(self, uid: str, port: int | None = None) -> SockAddr | None:
        """Where to send a request for ``uid``, at ``port`` or the best; None if there is no way."""
        device = self._devices.get(uid)
        if device is None:
            return None
        if port is None:
            candidates = self.candidates(uid)
            if not candidates:
                return None
            port = candidates[0]
        host, _, _, zone = device.source
        if is_link_local(host):
            zone = self._zone or zone
        return (host, port, 0, zone)

    def settle(self, uid: str, port: int) -> None:
        """``uid`` answered at ``port``."""
        device = self._devices.get(uid)
        if device is not None:
            device.settled_port = port

    def has_answered(self, uid: str, source: SockAddr) -> bool:
        """Whether ``uid`` is at the address of ``source``, and has answered there."""
        device = self._devices.get(uid)
        return device is not None and device.answered and _host(device.source) == _host(source)

    def note_answer(self, uid: str, address: SockAddr) -> bool:
        """``uid`` answered a request to ``address``; true when that is the first answer from where it is now."""
        device = self._devices.get(uid)
        if device is None or device.answered or device.source[0] != address[0]:
            return False
        device.answered = True
        return True

    def register(self, uid: str, port: int | None) -> None:
        """``uid`` registered with a ``base`` of this port (rule 3), or without one (rule 4)."""
        device = self._devices.get(uid)
        if device is not None:
            device.registered_port = port
            device.serves_at_source = port is None

    def forget(self, uid: str) -> None:
        """``uid`` is out; unknown ones are ignored."""
        device = self._devices.pop(uid, None)
        if device is not None:
            self._leave(device)

    def _enter(self, device: Device) -> None:
        previous = self._by_source.get(device.source)
        if previous is not None and previous is not device:
            self.forget(previous.uid)
        self._by_source[device.source] = device
        self._by_host.setdefault(_host(device.source), {})[device.uid] = device

    def _leave(self, device: Device) -> None:
        if self._by_source.get(device.source) is device:
            del self._by_source[device.source]
        neighbours = self._by_host.get(_host(device.source), {})
        neighbours.pop(device.uid, None)
        if not neighbours:
            self._by_host.pop(_host(device.source), None)


def _host(source: SockAddr) -> tuple[str, int]:
    return source[0], source[3]
