# SPDX-License-Identifier: BSD-3-Clause
"""What the gateway serves: ``/alive``, ``/server``, ``/rd`` and ``/.well-known/…``.

Answers are made at once: what a message sets off (a discovery) runs later, in a task of the adapter's. Each
fault of the sender is an answer with a reason in it, RFC 7252 section 5.5.2; firmware that never reads
answers loses nothing.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Protocol

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]

from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.coap.contacts import readable
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.directory import BadRegistration, Directory, Entry, parse_registration
from pyaiot.gateway.coap.linkformat import Link, encode_links, matching
from pyaiot.gateway.coap.payloads import MAX_PAYLOAD, BadPayload, parse_alive, parse_reading
from pyaiot.gateway.coap.remote import Remote

logger = logging.getLogger(__name__)

#: Critical options that are understood (RFC 7252 section 5.4.1): Uri-Host, Uri-Port, Uri-Path, Uri-Query,
#: Accept, Block2. Block1 and the proxy options get answers of their own.
_UNDERSTOOD = frozenset({3, 7, 11, 15, 17, 23})
_BLOCK1, _PROXY_URI, _PROXY_SCHEME = 27, 35, 39
_LINK_FORMAT = 40

#: RFC 9176 section 4.3; ``rt`` tells what a client may look for.
_LINKS = (
    Link("/alive", {"rt": "pyaiot.alive"}),
    Link("/server", {"rt": "pyaiot.server"}),
    Link("/rd", {"rt": "core.rd", "ct": "40"}),
)


class Devices(Protocol):
    """What the site tells the adapter. ``Refused`` goes back to the device as 5.03 or 4.03."""

    def alive(self, uid: str, remote: Remote, *, reset: bool) -> None:
        """``POST /alive``. Raises Refused."""
        ...

    def reading(self, resource: str, data: str, remote: Remote) -> bool:
        """``POST /server``; false: nobody known is there. Raises Refused."""
        ...

    def registered(self, entry: Entry, remote: Remote, *, new_links: bool) -> None:
        """``POST /rd``, new, again or as an update; ``new_links``: others than before. Raises Refused."""
        ...

    def deregistered(self, uid: str) -> None:
        """``DELETE /rd/<id>``."""
        ...


class Site:
    """The root of all resources; routes by path and method without a copy of anything."""

    def __init__(self, devices: Devices, directory: Directory, counters: Counters) -> None:
        self._devices = devices
        self._directory = directory
        self._counters = counters
        self._routes: dict[tuple[str, ...], dict[int, Callable[[Message], Message]]] = {
            ("server",): {codes.POST: self._server},
            ("alive",): {codes.POST: self._alive},
            ("rd",): {codes.POST: self._register},
            (".well-known", "core"): {codes.GET: self._core},
            (".well-known", "rd"): {codes.POST: self._register_simply},
        }
        self._registration: dict[int, Callable[[Message], Message]] = {
            codes.POST: self._update,
            codes.DELETE: self._deregister,
        }

    def answer(self, request: Message) -> Message:
        """The response to ``request``; whatever happens, there is one."""
        try:
            response = self._route(request)
        except (BadPayload, BadRegistration) as error:
            response = _no(codes.BAD_REQUEST, str(error))
        except Exception:
            self._counters.internal_errors += 1
            logger.exception("answering %r failed", request.remote)
            response = _no(codes.INTERNAL_SERVER_ERROR, "a fault of the gateway; it is in its log")
        if response.code < 128:
            self._counters.accepted += 1
        else:
            self._counters.rejected += 1
        return response

    def _route(self, request: Message) -> Message:
        options = request.opt._options  # the public option_list() sorts
        for number in options:
            if number & 1 and number not in _UNDERSTOOD:
                return _bad_option(number)
        path = request.opt.uri_path
        methods = self._routes.get(path)
        if methods is None:
            if len(path) != 2 or path[0] != "rd":
                return _no(codes.NOT_FOUND, "POST to /alive, /server or /rd")
            methods = self._registration
        handler = methods.get(request.code)
        if handler is None:
            return _no(codes.METHOD_NOT_ALLOWED, "")
        if len(request.payload) > MAX_PAYLOAD:
            return _too_large()
        return handler(request)

    def _alive(self, request: Message) -> Message:
        remote: Remote = request.remote
        alive = parse_alive(request.payload, readable(remote[0]))
        try:
            self._devices.alive(alive.uid, remote, reset=alive.reset)
        except Refused as error:
            return self._refused(codes.SERVICE_UNAVAILABLE, error)
        return Message(code=codes.CHANGED, payload=f"Received '{alive.text}'".encode())

    def _server(self, request: Message) -> Message:
        reading = parse_reading(request.payload)
        try:
            known = self._devices.reading(reading.resource, reading.data, request.remote)
        except Refused as error:
            return self._refused(codes.FORBIDDEN, error)
        if not known:
            self._counters.strangers += 1
            return _no(codes.NOT_FOUND, "unknown device: POST alive:<uid> to /alive from this port")
        return Message(code=codes.CHANGED, payload=f"Received '{reading.text}'".encode())

    def _core(self, request: Message) -> Message:
        if request.opt.accept not in (None, _LINK_FORMAT):
            return _no(codes.NOT_ACCEPTABLE, "")
        core = encode_links(matching(_LINKS, request.opt.uri_query))
        response = Message(code=codes.CONTENT, payload=core, content_format=_LINK_FORMAT)
        block = request.opt.block2
        if block is not None and (block.block_number or block.size < len(core)):
            if block.start >= len(core):
                return _no(codes.BAD_REQUEST, "there is no such block")
            end = block.start + block.size
            response.payload = core[block.start : end]
            response.opt.block2 = (block.block_number, end < len(core), block.size_exponent)
        return response

    def _register(self, request: Message) -> Message:
        registration = parse_registration(request.opt.uri_query, request.payload, request.remote[0])
        assert registration.uid is not None
        links = self._directory.links(registration.uid)
        entry = self._directory.add(registration.uid, registration, secrets.token_hex(4))
        try:
            self._devices.registered(entry, request.remote, new_links=entry.links != links)
        except Refused as error:
            self._directory.remove(entry.uid)
            return self._refused(codes.SERVICE_UNAVAILABLE, error)
        return Message(code=codes.CREATED, location_path=("rd", entry.location))

    def _register_simply(self, request: Message) -> Message:
        """Simple registration (RFC 9176 section 5.1): the device has only to answer /.well-known/core."""
        if request.payload:
            raise BadRegistration("a simple registration has no payload")
        response = self._register(request)
        return Message(code=codes.CHANGED) if response.code == codes.CREATED else response

    def _update(self, request: Message) -> Message:
        location = request.opt.uri_path[1]
        registration = parse_registration(request.opt.uri_query, request.payload, request.remote[0], update=True)
        before = self._directory.at(location)
        links = None if before is None else before.links
        entry = self._directory.update(location, registration)
        if entry is None:
            return _no(codes.NOT_FOUND, "no such registration: POST to /rd")
        try:
            self._devices.registered(entry, request.remote, new_links=entry.links != links)
        except Refused as error:
            return self._refused(codes.SERVICE_UNAVAILABLE, error)
        return Message(code=codes.CHANGED)

    def _deregister(self, request: Message) -> Message:
        entry = self._directory.at(request.opt.uri_path[1])
        if entry is None:
            return _no(codes.NOT_FOUND, "no such registration")
        self._directory.remove(entry.uid)
        self._devices.deregistered(entry.uid)
        return Message(code=codes.DELETED)

    def _refused(self, code: int, error: Refused) -> Message:
        self._counters.refused += 1
        return _no(code, str(error))


def _no(code: int, reason: str) -> Message:
    return Message(code=code, payload=reason.encode(errors="replace")[:256])


def _bad_option(number: int) -> Message:
    if number == _BLOCK1:
        return _too_large()
    if number in (_PROXY_URI, _PROXY_SCHEME):
        return _no(codes.PROXYING_NOT_SUPPORTED, "")
    return _no(codes.BAD_OPTION, f"option {int(number)} is critical and unknown here")


def _too_large() -> Message:
    """RFC 7959 section 2.9.3: Size1 says what would be taken."""
    message = _no(codes.REQUEST_ENTITY_TOO_LARGE, f"send at most {MAX_PAYLOAD} bytes, in one message")
    message.opt.size1 = MAX_PAYLOAD
    return message
