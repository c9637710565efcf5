# SPDX-License-Identifier: BSD-3-Clause
"""What a device protocol must do for the gateway, and what the gateway does for it.

An :class:`Adapter` speaks one device protocol (CoAP, MQTT, WebSocket …) and nothing else: it knows
addresses, payloads and sockets. It knows nothing of the broker, of liveness or of time-outs; it tells
:class:`DeviceEvents` what happened and is told to discover or to write. A further protocol costs an
adapter and its payloads. docs/write-a-gateway.md shows one; pyaiot.testing.conformance tests any.

Everything here runs in one event loop. The methods of :class:`DeviceEvents` return at once, do no I/O
and may be called from any callback of that loop. They raise Refused and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol, TypeGuard

from pyaiot.addresses import is_every_address
from pyaiot.monitoring.health import Health
from pyaiot.wire.messages import JSON, About, Door

GoneReason = Literal["closed", "deregistered"]

#: The longest host of a door.
MAX_DOOR_HOST = 64
#: The greatest age of a value that a device has kept for later: a week.
MAX_AGE_MS = 7 * 24 * 3600 * 1000


class Refused(Exception):
    """The gateway does not take what a device said; ``str()`` is the reason, fit to send to the device.

    Raised by the methods of :class:`DeviceEvents`. The adapter answers the device (a CoAP 4.xx, a close
    code …) and goes on; the refusal has been counted already.
    """


class WriteFailed(Exception):
    """A write did not happen or is not known to have happened; raised by :meth:`Adapter.write`.

    Or a read has no answer (:meth:`ReadingAdapter.read`).
    ``code`` is one of ``offline`` (no way to the device: a write never left), ``timeout`` (it did not answer, and may
    have done it), ``refused`` (it answered no), ``unsupported`` (it cannot be said in this protocol, or to this
    device); ``reason`` is one sentence for a person, with the device's own code in it where there is one ("4.05 Method
    Not Allowed").
    """

    def __init__(self, code: Literal["offline", "timeout", "refused", "unsupported"], reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class DeviceEvents(Protocol):
    """What an adapter calls when a device shows itself. Implemented by the gateway, given to ``start``."""

    def seen(
        self,
        uid: str,
        *,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        proven: bool = True,
    ) -> bool:
        """A sign of life of the device called ``uid``; true when it was not known before.

        A device not known before becomes a node: ``attributes`` (``{"ip": "fd00::1"}``) are reported as
        its first resources, and the gateway then asks the adapter to :meth:`Adapter.discover` it. For a
        known node given ``attributes`` are reported where they changed; the device itself cannot report them. That
        called ``account`` is whose the device has proved to be, and nothing less. ``timeout_s`` replaces the
        gateway's ``--max-time`` for this node (RFC 9176 ``lt``), within 1 s and a year. Not ``proven`` (nobody
        has answered there yet), a longer one than ``--max-time`` is taken for that.
        Raises Refused: the uid does not match ``[A-Za-z0-9._:-]{1,64}``, or the gateway is full.
        """
        ...

    def updated(self, uid: str, resource: str, data: JSON, *, unit: str | None = None, age_ms: int = 0) -> None:
        """The device reported ``data`` (as it gave it) for ``resource``; a sign of life, also when it is refused.

        The gateway finds number and unit itself (``"23.4°C"``); ``unit`` (RFC 8428 spelling) is for
        protocols that carry it, and so is ``age_ms``: how long ago the device measured, in milliseconds, at most
        MAX_AGE_MS (what is older counts as that old). A leading ``/`` of ``resource`` is dropped.
        Raises Refused: the uid is not a known node, the resource name does not match
        ``[A-Za-z0-9._:/-]{1,64}``, it is ``protocol`` or an attribute of the node (see :meth:`seen`), the node
        has too many resources, or the data is too large.
        """
        ...

    def described(self, uid: str, resource: str, about: About) -> None:
        """What the device or its protocol says ``resource`` is, besides its values: replaces what was said before.

        No sign of life by itself, and void after :meth:`reset`. It need have no value yet; an empty one takes back.
        Raises Refused: the uid is not a known node, the resource cannot be called so (as for :meth:`updated`), a text
        of more than 64 characters, more than 2 KiB in all, of too many resources.
        """
        ...

    def reset(self, uid: str) -> None:
        """The device rebooted: its values are forgotten, clients are told, it is discovered again.

        An unknown device is taken as newly seen by the caller's preceding :meth:`seen`.
        Raises Refused: the uid is not a known node.
        """
        ...

    def gone(self, uid: str, why: GoneReason) -> None:
        """The device said goodbye (``deregistered``) or its connection ended (``closed``). Unknown uids are ignored."""
        ...

    def known(self, uid: str) -> bool:
        """Whether ``uid`` is a live node of this gateway."""
        ...

    @property
    def crowded(self) -> bool:
        """Whether devices say more than the broker takes: who can make them wait should, until :meth:`room`.

        Never while there is no session with the broker: nobody knows for how long, and the outbox then keeps
        what is newest.
        """
        ...

    async def room(self) -> None:
        """Wait until the gateway is not crowded any more; returns at once where it is not."""
        ...


class Adapter(Protocol):
    """One device protocol. The gateway calls these from tasks that it owns and cancels them at stop."""

    #: Short name on the wire: ``"coap"``, ``"mqtt"``, ``"ws"``.
    protocol: ClassVar[str]
    #: Name shown to people as the value of the node's ``protocol`` resource: ``"CoAP"``.
    title: ClassVar[str]

    async def start(self, events: DeviceEvents) -> None:
        """Open sockets and begin to report. Raises pyaiot.options.ConfigurationError with advice if it can't.

        The advice is one line (lifecycle.StartupError and listening.CannotListen are such errors). What a constructor
        was given is opened here and not before.
        """
        ...

    async def stop(self) -> None:
        """Close everything; no event is reported afterwards. Safe when start failed, was never called, and twice.

        The gateway waits 1 s for it. Discoveries and writes that are under way it cancels after that.
        """
        ...

    async def discover(self, uid: str) -> None:
        """Ask the device what it offers and report each value by ``events.updated``.

        The device may be gone, or never have been there. Failures are logged and counted by the adapter, never raised,
        never reported as values. Returns when the discovery is over (or, for protocols that only ask, when it was
        asked).
        """
        ...

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        """Write ``data`` to the device's resource; raises WriteFailed.

        Returns the value that the device now has, which the gateway reports as an update (CoAP: the
        data written, confirmed by 2.04), or None where the device reports its new value itself.
        The gateway bounds the time by cancelling, and does so too when the node is out; nothing may be left then, and
        a late answer must not confirm another write. What is cancelled is answered ``timeout``, as the device may have
        it; an adapter that knows that it never left raises WriteFailed ``offline`` instead. Of a device that was
        forgotten, or never seen, it is ``offline``, even where the protocol would take the command. Many writes run at
        once, also to one resource.
        """
        ...

    def forget(self, uid: str) -> None:
        """The node is out: drop its address, observations and pending requests; of unknown uids there is nothing.

        A device that is there after all may show itself, by ``events.seen``, and is new then. Called before
        ``events.gone`` returns, or when a time-out has taken the node out.
        """
        ...


class ReadingAdapter(Adapter, Protocol):
    """An adapter whose devices can be asked for a value; it says so by ``can_read = True``. Others have neither."""

    can_read: ClassVar[bool]

    async def read(self, uid: str, resource: str) -> None:
        """Ask the device what ``resource`` is now; returns when ``events.updated`` was called with it.

        Raises WriteFailed, also where the value was refused: nothing that the device said before may be taken for its
        answer. The time is bounded, and many run at once, as for :meth:`write`; those of a device may share a question.
        """
        ...


def can_read(adapter: Adapter) -> TypeGuard[ReadingAdapter]:
    """Whether it is a ReadingAdapter."""
    return getattr(adapter, "can_read", False) is True


class OpenAdapter(Adapter, Protocol):
    """An adapter to which devices come at known places, and that can say which."""

    @property
    def doors(self) -> tuple[Door, ...]:
        """Where devices come in, by ports that are really bound; asked for once, when it has started. At most 8."""
        ...


class ConnectedAdapter(Adapter, Protocol):
    """An adapter whose devices are there as long as their connections: it says so by ``connection_is_liveness = True``.

    No silence by itself ends their nodes then, and nobody is told a time-out.
    """

    connection_is_liveness: ClassVar[bool]


class DependentAdapter(Adapter, Protocol):
    """An adapter that needs somebody else to do its work, as an MQTT broker, and can say whether that is there."""

    def health(self) -> Health:
        """Whether it can do its work; asked at any time, in the event loop."""
        ...


def health_of(adapter: Adapter) -> Health:
    """Of a DependentAdapter; others are well."""
    told: Health = getattr(adapter, "health", Health)()
    return told


def doors_of(adapter: Adapter) -> tuple[Door, ...]:
    """The doors of an OpenAdapter; others tell none."""
    doors: tuple[Door, ...] = getattr(adapter, "doors", ())
    return doors


def ends_with_connection(adapter: Adapter) -> TypeGuard[ConnectedAdapter]:
    """Whether it is a ConnectedAdapter."""
    return getattr(adapter, "connection_is_liveness", False) is True


def door(scheme: str, host: str, port: int, path: str | None = None) -> Door:
    """A door at ``host``, an address that is listened on: told only where not all of the gateway's own are it."""
    host = host.strip("[]")
    told = None if is_every_address(host) or len(host) > MAX_DOOR_HOST else host
    return Door(scheme=scheme, port=port, host=told, path=path)
