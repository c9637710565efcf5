# SPDX-License-Identifier: BSD-3-Clause
"""A gateway's end of the link: frames are signed before the clock starts, then sent as fast as the broker takes."""

from __future__ import annotations

import json
import secrets
import selectors
from collections import deque
from collections.abc import Iterable, Sequence

from benchmarks.load import in_frames
from benchmarks.processes import Site
from benchmarks.websocket import RawWebSocket, masked
from pyaiot.wire import codec, handshake
from pyaiot.wire.signing import SIGNATURE_CHARACTERS


class Link(RawWebSocket):
    """The session of one gateway. ``told`` is what the broker sent besides acknowledgements."""

    def __init__(self, port: int, at: Site, name: str) -> None:
        super().__init__(port, "/gw", handshake.SUBPROTOCOL)
        self.name = name
        answer = handshake.answer_hello(
            self.next().decode(),
            key=at.keys.gateways[name],
            name=name,
            broker=at.keys.broker.public,  # type: ignore[union-attr]
            nonce=secrets.token_bytes(handshake.NONCE_BYTES),
            epoch=secrets.token_hex(8),
        )
        self.send(answer.auth.encode())
        self.acknowledged = handshake.read_welcome(answer, self.next().decode()).ack
        self.last = self.acknowledged
        self.frames_received = 0
        self.told: list[bytes] = []
        self._sealer = answer.sealer

    def seal(self, messages: Sequence[bytes]) -> bytes:
        """The next frame, to be sent in this order, as the bytes of a WebSocket message."""
        body = codec.encode_gateway_frame(self.last + 1, messages)
        self.last += len(messages)
        return masked(self._sealer.seal(body).encode())

    def take(self) -> None:
        """Wait for the broker to say something, and note it."""
        self._note(self.receive())

    def take_while_sending(self) -> list[bytes]:
        """As :meth:`take`; what must be sent in answer, between two messages."""
        self._note(self.read())
        pongs, self.pongs = self.pongs, []
        return pongs

    def _note(self, messages: list[bytes]) -> None:
        for message in messages:
            frame = json.loads(message[SIGNATURE_CHARACTERS + 1 :])
            self.frames_received += 1
            self.acknowledged = frame.get("ack") or self.acknowledged
            if frame.get("messages"):
                self.told.append(message)

    def tell(self, messages: Iterable[bytes]) -> None:
        """Send messages in full frames, and wait until the broker has applied them all; bounded in memory."""
        for batch in in_frames(iter(messages)):
            self.socket.sendall(self.seal(batch))
            while self.last - self.acknowledged > 20_000:
                self.take()
        self.settle()

    def settle(self) -> None:
        """Wait until everything that was sealed is acknowledged."""
        while self.acknowledged < self.last:
            self.take()


def pump(links: Sequence[Link], frames: Sequence[Sequence[bytes]]) -> None:
    """Send each link its frames, all at the same time, until everything is acknowledged."""
    selector = selectors.DefaultSelector()
    waiting: dict[Link, deque[memoryview]] = {}
    for link, each in zip(links, frames, strict=True):
        link.socket.setblocking(False)
        waiting[link] = deque(map(memoryview, each))
        selector.register(link, selectors.EVENT_READ | selectors.EVENT_WRITE, link)
    while any(link.acknowledged < link.last for link in links):
        ready = selector.select(30)
        if not ready:
            raise TimeoutError("the broker does not go on")
        for key, events in ready:
            link, queue = key.data, waiting[key.data]
            if events & selectors.EVENT_READ and (pongs := link.take_while_sending()):
                # The first in the queue may have been sent in part.
                queue.extendleft(map(memoryview, (pongs[0], queue.popleft()) if queue else pongs[:1]))
                selector.modify(link, selectors.EVENT_READ | selectors.EVENT_WRITE, link)
            if events & selectors.EVENT_WRITE:
                if queue:
                    sent = link.socket.send(queue[0])
                    queue[0] = queue[0][sent:]
                    if not queue[0]:
                        queue.popleft()
                if not queue:
                    selector.modify(link, selectors.EVENT_READ, link)
    selector.close()
    for link in links:
        link.socket.setblocking(True)
        link.socket.settimeout(20)
