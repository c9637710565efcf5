# SPDX-License-Identifier: BSD-3-Clause
"""One TCP connection: reads packets as fast as they may come, and no faster; knows its deadlines.

Its life: a CONNECT within its time; a login, for which it is held; then packets for its session. Whatever a
client does wrong ends this connection, with one line in the log, and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from typing import TYPE_CHECKING, cast

from pyaiot.mqtt_broker import login, packets
from pyaiot.mqtt_broker.fields import BadPacket
from pyaiot.mqtt_broker.login import ConnectRefused
from pyaiot.mqtt_broker.pace import Pace
from pyaiot.mqtt_broker.packets import Scanner
from pyaiot.mqtt_broker.session import Forbidden, Session
from pyaiot.mqtt_broker.turns import PACKETS_A_TURN

if TYPE_CHECKING:
    from pyaiot.mqtt_broker.guard import Guard

log = logging.getLogger("pyaiot.mqtt-broker")

#: How long a connection may take until its CONNECT is whole.
CONNECT_S = 5.0
#: How long a client may be silent that asked for no keepalive.
MAX_SILENCE_S = 3_600.0
#: The longest CONNECT, and the longest packet of a session, in bytes.
MAX_CONNECT_BYTES = 1_024
MAX_PACKET_BYTES = 65_536
#: What one client may send in the long run; twice as much at once.
MESSAGES_PER_S = 1_000
BYTES_PER_S = 1_048_576
#: As much faster may a gateway be.
GATEWAY_FACTOR = 10
#: When a client's system is asked whether it is still there: after so long, so often, so many times.
TCP_IDLE_S, TCP_INTERVAL_S, TCP_PROBES = 60, 20, 3


class Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.number = guard.next_number()
        self.address = "?"
        self.session: Session | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._scanner = Scanner(MAX_CONNECT_BYTES)
        self._pace = Pace(MESSAGES_PER_S, BYTES_PER_S, self._loop.time())
        self._silence_s = CONNECT_S
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._pacing: asyncio.TimerHandle | None = None
        self._held = False
        self._in_turn = False
        self._lost = False
        self._over = False

    def __str__(self) -> str:
        if self.session is None:
            return self.address
        name = f" as {self.session.client_id!r}" if self.session.client_id else ""
        return f"{self.session.account}{name} at {self.address}"

    def note(self, text: str, *values: object) -> None:
        """Log one line about this client."""
        log.warning("%s " + text, self, *values)

    def fail(self, text: str, fault: Exception) -> None:
        """A fault of our own: it ends this client, and nothing else."""
        self.guard.counters.internal_errors += 1
        log.error(text, self, exc_info=fault)
        self.drop()

    # What the socket says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        sock = transport.get_extra_info("socket")
        self._timer = self._loop.call_later(CONNECT_S, self._on_silence)
        if peer is None:  # it has gone already
            self.drop()
            return
        self.address = peer[0]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in (("IDLE", TCP_IDLE_S), ("INTVL", TCP_INTERVAL_S), ("CNT", TCP_PROBES)):
            if hasattr(socket, f"TCP_KEEP{name}"):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{name}"), value)
        if not self.guard.arrived(self):
            self.drop()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._over:
            return
        self._heard_at = self._loop.time()
        self._scanner.feed(data)
        self._process()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; what it said before still counts."""
        self._lost = True
        if self._over and self._timer is not None:
            self._timer.cancel()
        self._process()

    def pause_writing(self) -> None:
        """The client does not read; bounds are kept by the room."""

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.session is not None:
            self.guard.room.moved(self.session)

    # What the client says.

    def _process(self) -> None:
        """Handle whole packets until there is none, or it is held, or it is another's turn."""
        left = PACKETS_A_TURN
        try:
            while not self._held and not self._over:
                if not left:
                    self.hold()
                    self._in_turn = True
                    self.guard.turns.add(self)
                    break
                if self.session is not None and self.session.busy:
                    self.guard.room.waits(self)
                    self.hold()
                    break
                packet = self._scanner.next()
                if packet is None:
                    break
                self._handle(*packet)
                left -= 1
        except BadPacket as fault:
            self.guard.counters.bad_packets += 1
            self.note("sent %s; disconnected", fault)
            self.drop()
        except ConnectRefused as fault:
            self.guard.counters.refused_connects += 1
            self.note("cannot connect: %s", fault)
            self.write(login.connack(fault.code))
            self.close()
        except Forbidden as fault:
            self.note("%s; disconnected", fault)
            self.drop()
        except Exception as fault:
            self.fail("handling a packet of %s failed", fault)
        if self._lost and not self._held:
            self._end()

    def _handle(self, head: int, body: bytes) -> None:
        if self.session is None:
            if head != packets.CONNECT:
                raise BadPacket("no CONNECT as its first packet")
            connect = login.parse_connect(body)
            self.hold()
            self.guard.log_in(self, connect)
            return
        wait_s = self._pace.take(len(body), self._loop.time())
        self.session.handle(head, body)
        if wait_s and not self._over:
            self.hold()
            self._pacing = self._loop.call_later(wait_s, self._paced)

    def _paced(self) -> None:
        self._pacing = None
        self._in_turn = True
        self.guard.turns.add(self)

    def take_turn(self) -> None:
        """It is this connection's turn again (see turns)."""
        self._in_turn = False
        self.go_on()

    # What the session and the guard say.

    def welcome(self, session: Session, keepalive_s: int) -> None:
        """It has logged in; packets may follow."""
        self.session = session
        self._scanner.limit = MAX_PACKET_BYTES
        if session.account.role == "gateway":
            self._pace = Pace(GATEWAY_FACTOR * MESSAGES_PER_S, GATEWAY_FACTOR * BYTES_PER_S, self._loop.time())
        self._silence_s = 1.5 * keepalive_s or MAX_SILENCE_S
        self._heard_at = self._loop.time()
        self._arm()
        if self._over:
            session.finish()
        else:
            self.go_on()

    def hold(self) -> None:
        """Read nothing for now; TCP makes the client wait."""
        if not self._held:
            self._held = True
            if not self._lost:
                self._transport.pause_reading()

    def go_on(self) -> None:
        """Read on, where nothing else holds it."""
        if not self._held or self._in_turn or self._pacing is not None:
            return
        self._held = False
        self._heard_at = self._loop.time()  # while it was held it could not be heard
        self._process()
        if not self._held and not self._lost and not self._transport.is_closing():
            self._transport.resume_reading()

    @property
    def unsent_bytes(self) -> int:
        """What the client has not taken, in bytes."""
        return 0 if self._lost else self._transport.get_write_buffer_size()

    @property
    def heard_at(self) -> float:
        """When the client sent something last, in the loop's time; later than all while more of it is at hand."""
        return math.inf if self._held else self._heard_at

    @property
    def is_over(self) -> bool:
        """Whether nothing more is handled."""
        return self._over

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        if not self._lost and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End it when what was written is sent; nothing more is read."""
        self._end()
        self._transport.close()
        if not self._lost:  # who does not read would keep it open
            self._timer = self._loop.call_later(CONNECT_S, self._transport.abort)

    def drop(self) -> None:
        """End it at once."""
        self._end()
        self._transport.abort()

    def _end(self) -> None:
        """Nothing more is handled."""
        if self._over:
            return
        self._over = True
        self._scanner.clear()
        for timer in (self._timer, self._pacing):
            if timer is not None:
                timer.cancel()
        self._timer = self._pacing = None
        self.guard.turns.remove(self)
        self.guard.left(self)
        if self.session is not None:
            self.session.finish()

    # Deadlines.

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._over:
            self._timer = self._loop.call_at(self._heard_at + self._silence_s, self._on_silence)

    def _on_silence(self) -> None:
        """The timer fired, which is not moved with each packet: see whether it is time."""
        now = self._loop.time()
        if self.session is None:
            if self._held:  # the login's own time runs
                return
            self.guard.counters.no_connect += 1
            self.note("sent no whole CONNECT within %.0f s; disconnected", CONNECT_S)
            self.drop()
        elif self._held or now < self._heard_at + self._silence_s:
            self._heard_at = now if self._held else self._heard_at
            self._arm()
        else:
            self.guard.counters.silent += 1
            self.note("was silent for %.0f s; disconnected", self._silence_s)
            self.drop()
