# SPDX-License-Identifier: BSD-3-Clause
"""CoAP devices (PROTOCOL.md section 1.1): what they send is told to the gateway, what it asks is sent to them.

::

    device ─datagram▶ transport ▶ (aiocoap) ▶ site ▶ CoapAdapter ▶ DeviceEvents
    device ◀request── transport ◀ (aiocoap) ◀ client ◀ CoapAdapter ◀ write, read
                                                     ◀ discoveries ◀ discover
"""

from __future__ import annotations

import logging
import socket
from typing import ClassVar

from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed, door
from pyaiot.gateway.coap import client
from pyaiot.gateway.coap.contacts import MAX_DEVICES_PER_ADDRESS, Contacts, SockAddr, readable
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.directory import Directory, Entry
from pyaiot.gateway.coap.discoveries import Discoveries
from pyaiot.gateway.coap.discovery import Discovery
from pyaiot.gateway.coap.endpoint import Endpoint
from pyaiot.gateway.coap.multicast import Multicast
from pyaiot.gateway.coap.payloads import BadPayload, parse_value
from pyaiot.gateway.coap.remote import Remote
from pyaiot.gateway.coap.site import Site
from pyaiot.gateway.device_text import CannotSay, encode_data
from pyaiot.gateway.tally import counting_write
from pyaiot.lifecycle import StartupError
from pyaiot.wire.messages import JSON, Door

logger = logging.getLogger(__name__)


class CoapAdapter:
    """The CoAP side of a gateway; fulfils :class:`pyaiot.gateway.adapter.Adapter`."""

    protocol: ClassVar[str] = "coap"
    title: ClassVar[str] = "CoAP"
    can_read: ClassVar[bool] = True

    def __init__(
        self,
        *,
        host: str = "::",
        port: int = 5683,
        interface: str | None = None,
        device_port: int = 5683,
        multicast: bool = True,
    ) -> None:
        """Listen on ``host`` (an address; ``::`` means every one, IPv4 too) and UDP ``port`` (0: any free one).

        ``interface`` is the network interface of link-local devices (``tap0``); None: the one that a device
        was heard on. Devices serve CoAP at ``device_port``, unless they show otherwise (see ``contacts``).
        ``multicast``: answer those who ask all CoAP servers of a network what they serve.
        """
        self._host = host
        self._port = port
        self._interface = interface
        self._device_port = device_port
        self.counters = Counters()
        self._directory = Directory()
        self._site = Site(self, self._directory, self.counters)
        self._contacts = Contacts(device_port=device_port)
        self._discoveries = Discoveries(self._contacts, self._begin_discovery)
        self._endpoint: Endpoint | None = None
        self._answers_groups = multicast
        self._multicast: Multicast | None = None
        self._events: DeviceEvents | None = None

    @property
    def port(self) -> int:
        """The UDP port that it listens on; the one asked for, until it was started."""
        return self._port if self._endpoint is None else self._endpoint.interface.port

    @property
    def doors(self) -> tuple[Door, ...]:
        """See adapter.OpenAdapter."""
        return (door("coap", self._host, self.port, "/alive"),)

    async def start(self, events: DeviceEvents) -> None:
        """Open the socket and begin to report. Raises StartupError: the port is taken, no such interface …"""
        zone = 0
        if self._interface is not None:
            try:
                zone = socket.if_nametoindex(self._interface)
            except OSError:
                raise StartupError(f"there is no network interface {self._interface!r} (--interface)") from None
        self._events = events
        self._contacts = Contacts(device_port=self._device_port, zone=zone)
        self._discoveries = Discoveries(self._contacts, self._begin_discovery)
        try:
            self._endpoint = await Endpoint.open(self._site, self._host, self._port, self.counters)
        except OSError as error:
            raise StartupError(error.strerror or str(error)) from error
        self._contacts.own_port = self.port
        if self._answers_groups:
            self._multicast = Multicast(self._endpoint, self._site, self._interface)
            self._multicast.open()
        logger.info("listening for CoAP devices on UDP port %d", self.port)

    async def stop(self) -> None:
        """Close everything; nothing is reported afterwards."""
        self._events = None
        await self._discoveries.close()
        if self._multicast is not None:
            self._multicast.close()
            self._multicast = None
        if self._endpoint is not None:
            endpoint, self._endpoint = self._endpoint, None
            await endpoint.shutdown()

    async def discover(self, uid: str) -> None:
        """Read ``/.well-known/core`` and each resource, and observe those that offer it. Never raises.

        Returns soon where the device does not answer (see Discoveries); its answers are waited for all the same.
        """
        await self._discoveries.discover(uid)

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        """PUT ``data``, as text, and return that text once the device has confirmed it. Raises WriteFailed.

        Takes at most 10 s for up to 1 KB of data.
        """
        with counting_write(self.counters):
            address = self._contacts.target(uid)
            try:
                payload = encode_data(data)
                if self._endpoint is None or address is None:
                    raise WriteFailed("offline", "the gateway knows no address of this device")
                await client.write(self._endpoint, address, tuple(resource.strip("/").split("/")), payload)
            except CannotSay as error:
                raise WriteFailed("unsupported", str(error)) from None
            except client.DeviceError as error:
                raise WriteFailed(error.code, error.reason) from None
            self._answered(uid, address)
        return payload.decode()

    async def read(self, uid: str, resource: str) -> None:
        """GET the resource, and report what the device answers. Raises WriteFailed."""
        events, address = self._events, self._contacts.target(uid)
        try:
            if self._endpoint is None or events is None or address is None:
                raise WriteFailed("offline", "the gateway knows no address of this device")
            response = await client.read(self._endpoint, address, tuple(resource.strip("/").split("/")))
            self._answered(uid, address)
            if self._events is None:
                raise WriteFailed("offline", "the gateway stops")
            events.updated(uid, resource, parse_value(resource, response.payload))
        except client.DeviceError as error:
            self.counters.reads_failed += 1
            raise WriteFailed(error.code, error.reason) from None
        except (BadPayload, Refused) as error:
            self.counters.reads_failed += 1
            raise WriteFailed("refused", f"what the device answered is not taken: {error}") from None
        except WriteFailed:
            self.counters.reads_failed += 1
            raise
        self.counters.reads += 1

    def forget(self, uid: str) -> None:
        """The node is out: its address, its registration and its observations go."""
        self._discoveries.forget(uid)
        self._contacts.forget(uid)
        self._directory.remove(uid)

    # What the site tells us of devices.

    def alive(self, uid: str, remote: Remote, *, reset: bool) -> None:
        """A device said who it is. Raises Refused."""
        events = self._reporting()
        new, moved = self._seen(events, uid, remote)
        if reset and not new:
            logger.info("node %s: rebooted", uid)
            events.reset(uid)
        elif not new:
            self._discoveries.look_again(uid, moved=moved)

    def reading(self, resource: str, data: str, remote: Remote) -> bool:
        """A device reported a value; false: no known device is there. Raises Refused."""
        events = self._reporting()
        uid = self._contacts.identify(remote)
        if uid is None:
            return False
        try:
            events.updated(uid, resource, data)
        except Refused:
            if events.known(uid):
                raise
            self.forget(uid)
            return False
        if self._discoveries.has_failed(uid):
            self._discoveries.look_again(uid)
        return True

    def registered(self, entry: Entry, remote: Remote, *, new_links: bool) -> None:
        """A device registered at the resource directory, or renewed it. Raises Refused."""
        events = self._reporting()
        uid = entry.uid
        before = self._contacts.target(uid)
        new, _ = self._seen(events, uid, remote, timeout_s=float(entry.lifetime_s))
        self._contacts.register(uid, entry.port)
        if not new:
            self._discoveries.look_again(uid, moved=new_links or self._contacts.target(uid) != before)

    def deregistered(self, uid: str) -> None:
        """A device took its registration back."""
        events = self._reporting()
        self.forget(uid)
        events.gone(uid, "deregistered")

    def _seen(
        self, events: DeviceEvents, uid: str, remote: Remote, *, timeout_s: float | None = None
    ) -> tuple[bool, bool]:
        """Report a sign of life; whether the device is new, and whether it is reached elsewhere than before.

        Raises Refused.
        """
        source: SockAddr = remote[0], remote[1], remote[2], remote[3]
        known = events.known(uid)
        if not self._contacts.has_room(uid, source):
            self.counters.crowded += 1
            raise Refused(f"{MAX_DEVICES_PER_ADDRESS} devices are at this address, which is all it may have")
        proven = known and self._contacts.has_answered(uid, source)
        new = events.seen(uid, attributes={"ip": readable(source[0])}, timeout_s=timeout_s, proven=proven)
        if not known:
            self._contacts.forget(uid)  # what was known of it is of an earlier life
        before = self._contacts.at(source)
        if before is not None and before != uid:
            logger.info("node %s: %s is where it was", before, uid)
            self.forget(before)
            events.gone(before, "closed")
        moved = self._contacts.bind(uid, source, local=source[0] == remote.local_host)
        if moved:
            logger.info("node %s: at %s", uid, remote.hostinfo)
        return new, moved

    def _answered(self, uid: str, address: SockAddr) -> None:
        """Somebody is there: at the first time the node gets the lifetime that it registered with."""
        if self._events is not None and self._contacts.note_answer(uid, address) and self._events.known(uid):
            lifetime_s = self._directory.lifetime_s(uid)
            if lifetime_s is not None:
                self._events.seen(uid, timeout_s=float(lifetime_s))

    def _reporting(self) -> DeviceEvents:
        if self._events is None:
            raise Refused("the gateway stops")
        return self._events

    def _begin_discovery(self, uid: str) -> Discovery:
        assert self._endpoint is not None  # else nobody has a contact
        assert self._events is not None
        return Discovery(
            uid, self._endpoint, self._events, self._contacts, self._directory, self.counters, self._answered
        )
