# SPDX-License-Identifier: BSD-3-Clause
"""How a request becomes a WebSocket: websockets' Sans-I/O protocol, with our choice of sub-protocol. No I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeVar

from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from pyaiot.gateway.ws.admission import NotAdmitted
from pyaiot.gateway.ws.echo import SUBPROTOCOL
from pyaiot.gateway.ws.payloads import MAX_MESSAGE_BYTES

logger = logging.getLogger("pyaiot.gateway.ws")

#: The longest HTTP request for an upgrade, in bytes.
MAX_REQUEST_BYTES: Final = 16_384

_ECHO = Subprotocol(SUBPROTOCOL)
_GET: Final = b"GET "
_END: Final = b"\r\n\r\n"

S = TypeVar("S")


class DeviceProtocol(ServerProtocol):
    """Selects the one sub-protocol that there is; who offers others or none is admitted by the path."""

    def __init__(self) -> None:
        super().__init__(max_size=MAX_MESSAGE_BYTES)

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """See websockets.server.ServerProtocol."""
        return _ECHO if _ECHO in subprotocols else None


def request_end(head: bytearray) -> int | None:
    """Where the request that ``head`` begins with ends; its length, if it is none; None: that is still to come."""
    end = head.find(_END) + len(_END)
    if end >= len(_END):
        return end
    return None if _GET.startswith(head[: len(_GET)]) else len(head)


def answer(protocol: ServerProtocol, request: bytes, address: str, admit: Callable[[Request], S]) -> S | None:
    """Have ``protocol`` answer the request of ``address``: upgrade, or not.

    ``admit`` may raise NotAdmitted; else its result is that of an upgrade. None: there is none.
    """
    protocol.receive_data(request)
    admitted: S | None = None
    for event in protocol.events_received():
        if not isinstance(event, Request):
            continue
        try:
            if not (event.path.isascii() and all(value.isascii() for _, value in event.headers.raw_items())):
                raise NotAdmitted(400, "The request is not ASCII.\n")  # the library would fail of it
            admitted = admit(event)
            response = protocol.accept(event)
        except NotAdmitted as refusal:
            response = protocol.reject(HTTPStatus(refusal.status), str(refusal))
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = 'Basic realm="pyaiot"'
            logger.info("a request from %s is refused: %d %s", address, refusal.status, str(refusal).rstrip())
        protocol.send_response(response)
    return admitted if protocol.state is State.OPEN else None
