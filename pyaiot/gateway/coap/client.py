# SPDX-License-Identifier: BSD-3-Clause
"""Requests to devices: read, write, observe, all through the gateway's one endpoint.

Each has an end: 10 s without an answer, 64 KiB of blocks, 30 s in all. Whatever goes wrong is a
:class:`DeviceError` and never a value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from aiocoap import Message, error  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]
from aiocoap.numbers.types import Type  # type: ignore[import-untyped]
from aiocoap.pipe import Pipe  # type: ignore[import-untyped]

from pyaiot.gateway.coap.contacts import SockAddr
from pyaiot.gateway.coap.endpoint import Endpoint
from pyaiot.gateway.coap.payloads import MAX_VALUE
from pyaiot.gateway.coap.remote import Remote
from pyaiot.gateway.coap.transport import Tuning

#: How long one answer may take, retransmissions included; PROTOCOL.md section 1.1.
ANSWER_TIMEOUT_S = 10.0
#: How long a value in blocks may take in all.
READ_TIMEOUT_S = 30.0
#: A payload up to this goes out in one message.
ONE_MESSAGE = 1024

_TUNING = Tuning()


class DeviceError(Exception):
    """A device did not do what it was asked; the words are those of WriteFailed.

    ``answered``: by a response, which nobody can make who does not get what is sent to that address.
    """

    def __init__(self, code: Literal["offline", "timeout", "refused"], reason: str, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.answered = answered


async def read(endpoint: Endpoint, address: SockAddr, path: tuple[str, ...]) -> Message:
    """GET; the response is 2.05 and whole, its payload joined from blocks. Raises DeviceError."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            response = await _exchange(endpoint, address, _request(codes.GET, path))
            return await complete(endpoint, address, path, response)
    except TimeoutError:
        raise DeviceError("timeout", f"no answer within {READ_TIMEOUT_S:.0f} s") from None


async def complete(endpoint: Endpoint, address: SockAddr, path: tuple[str, ...], response: Message) -> Message:
    """Fetch the blocks that follow ``response``, if it is the first of several (RFC 7959 section 2.4)."""
    if response.code != codes.CONTENT:
        raise _refusal(response)
    block = response.opt.block2
    if block is None or (not block.more and block.block_number == 0):
        return response
    payload = bytearray()
    part = response
    while True:
        if block.start != len(payload) or (block.more and len(part.payload) != block.size):
            raise DeviceError("refused", "its blocks do not fit together")
        payload += part.payload
        if len(payload) > MAX_VALUE:
            raise DeviceError("refused", f"the value is longer than {MAX_VALUE} bytes")
        if not block.more:
            response.payload = bytes(payload)
            return response
        request = _request(codes.GET, path)
        request.opt.block2 = (len(payload) // block.size, False, block.size_exponent)
        part = await _exchange(endpoint, address, request)
        if part.code != codes.CONTENT:
            raise _refusal(part)
        if part.opt.block2 is None or part.opt.etag != response.opt.etag:
            raise DeviceError("refused", "the value changed while it was read")
        block = part.opt.block2


async def write(endpoint: Endpoint, address: SockAddr, path: tuple[str, ...], payload: bytes) -> None:
    """PUT; returns once the device has confirmed it by 2.01 or 2.04. Raises DeviceError."""
    request = _request(codes.PUT, path)
    request.payload = payload
    if len(payload) <= ONE_MESSAGE:
        response = await _exchange(endpoint, address, request)
    else:
        response = await _exchange_blocks(endpoint, address, request)
    if response.code not in (codes.CHANGED, codes.CREATED):
        raise _refusal(response)


class _Exchange(Pipe):  # type: ignore[misc]
    """A pipe that bears news after its end.

    aiocoap 0.4.17 raises a TypeError for an exception that comes late (a Reset for a request that was given up),
    inside its message layer, which then never sends a confirmable message to that device again.
    """

    over = False

    def add_exception(self, exception: BaseException | type[BaseException]) -> None:
        if not self.over:
            super().add_exception(exception)


class Watch:
    """One observe request under way: :meth:`close` it. Notifications and the end go to the callbacks."""

    def __init__(
        self,
        endpoint: Endpoint,
        address: SockAddr,
        path: tuple[str, ...],
        notify: Callable[[Message], None],
        end: Callable[[DeviceError | None], None],
    ) -> None:
        self._endpoint = endpoint
        self._remote = endpoint.remote(address)
        self._path = path
        self._notify = notify
        self._end = end
        self._pipe: _Exchange | None = None
        self._stop: Callable[[], None] = lambda: None
        self._token = b""
        self._over = False
        self._accepted = False

    def open(self) -> None:
        """Send the request. Each response is given to ``notify``; ``end`` is called once, after the last."""
        request = _request(codes.GET, self._path)
        request.opt.observe = 0
        request.remote = self._remote
        self._pipe = pipe = _Exchange(request, self._endpoint.log)
        self._stop = pipe.on_event(self._event)
        _await(self._endpoint, self._remote)
        self._endpoint.tokens.request(pipe)
        self._token = request.token

    def close(self) -> None:
        """No more notifications; tells the device so if it observes (RFC 7641 section 3.6)."""
        if self._over:
            return
        self._finish()
        if self._accepted:
            request = _request(codes.GET, self._path)
            request.opt.observe = 1
            request.remote = self._remote
            request.token = self._token
            request.mtype = Type.NON  # whether it arrives matters little, a later notification is reset
            try:
                self._endpoint.messages.send_message(request, lambda: None)
            except error.Error:
                pass

    def _finish(self) -> None:
        self._over = True
        if self._pipe is not None:
            self._pipe.over = True
            self._endpoint.abandon(self._pipe.request)
        _unawait(self._endpoint, self._remote)
        self._stop()

    def _event(self, event: Pipe.Event) -> bool:
        if self._over:
            return False
        if event.message is not None:
            self._accepted = not event.is_last
            self._notify(event.message)
        if self._over:  # closed by the callback
            return False
        if event.is_last:
            self._finish()
            self._end(None if event.exception is None else _failure(event.exception))
            return False
        return True


def _request(code: int, path: tuple[str, ...]) -> Message:
    return Message(code=code, uri_path=path, transport_tuning=_TUNING)


async def _exchange(endpoint: Endpoint, address: SockAddr, request: Message) -> Message:
    """One request, one response, of any code."""
    answer: asyncio.Future[Message] = endpoint.loop.create_future()

    def on_event(event: Pipe.Event) -> bool:
        pipe.over = True
        if not answer.done():
            if event.message is not None:
                answer.set_result(event.message)
            else:
                answer.set_exception(_failure(event.exception))
        return False

    remote = endpoint.remote(address)
    request.remote = remote
    pipe = _Exchange(request, endpoint.log)
    stop = pipe.on_event(on_event)
    _await(endpoint, remote)
    try:
        endpoint.tokens.request(pipe)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await answer
    except TimeoutError:
        raise DeviceError("timeout", f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from None
    finally:
        _unawait(endpoint, remote)
        pipe.over = True
        stop()
        endpoint.abandon(request)


async def _exchange_blocks(endpoint: Endpoint, address: SockAddr, request: Message) -> Message:
    """A request whose payload goes in blocks (RFC 7959 section 2.5)."""
    size, exponent = 1024, 6
    payload: bytes = request.payload
    at = 0
    while True:
        more = at + size < len(payload)
        part = _request(request.code, request.opt.uri_path)
        part.payload = payload[at : at + size]
        part.opt.block1 = (at // size, more, exponent)
        if at == 0:
            part.opt.size1 = len(payload)
        response = await _exchange(endpoint, address, part)
        if not more or response.code != codes.CONTINUE:
            return response
        at += size
        block = response.opt.block1
        if block is not None and block.size_exponent < exponent:  # it wants smaller ones
            exponent, size = block.size_exponent, block.size


def _await(endpoint: Endpoint, remote: Remote) -> None:
    awaited = endpoint.interface.awaited
    awaited[remote] = awaited.get(remote, 0) + 1


def _unawait(endpoint: Endpoint, remote: Remote) -> None:
    awaited = endpoint.interface.awaited
    count = awaited.get(remote, 1) - 1
    if count:
        awaited[remote] = count
    else:
        awaited.pop(remote, None)


def _failure(exception: BaseException | type[BaseException]) -> DeviceError:
    kind = exception if isinstance(exception, type) else type(exception)
    if issubclass(kind, error.MessageError):
        return DeviceError("refused", "the device sent a Reset: it does not serve CoAP requests")
    if issubclass(kind, error.TimeoutError):
        return DeviceError("timeout", "the device does not answer")
    if issubclass(kind, error.LibraryShutdown):
        return DeviceError("timeout", "the gateway stopped before the device answered")
    cause = getattr(exception, "__cause__", None)
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror != "ICMP" else "nothing listens there"
    return DeviceError("offline", f"the device is not reachable: {text}")


def _refusal(response: Message) -> DeviceError:
    """The code and what the device says about it: ``4.05 Method Not Allowed (read only)``."""
    text = str(response.code)
    if response.payload and response.opt.content_format in (None, 0):
        words = response.payload[:80].decode(errors="replace").rstrip("\0")
        text += f" ({''.join(c if c.isprintable() else ' ' for c in words).strip()})"
    return DeviceError("refused", text, answered=True)
