# SPDX-License-Identifier: BSD-3-Clause
"""The road to the MQTT broker: one connection after another, for ever. Loud when lost, and quiet until it is back.

The session at the MQTT broker outlives connections: what it has acknowledged to devices comes when we are back.
"""

from __future__ import annotations

import asyncio
import logging
import random as chance
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyaiot.addresses import in_url
from pyaiot.gateway.backoff import Backoff
from pyaiot.gateway.mqtt import packets
from pyaiot.gateway.mqtt.connection import KEEPALIVE_S, Connection, ConnectionLost, Receiver
from pyaiot.gateway.mqtt.counters import Counters
from pyaiot.gateway.mqtt.duplicates import Duplicates
from pyaiot.system_errors import reason_of

log = logging.getLogger("pyaiot.gateway.mqtt")

#: For TCP and TLS to be there.
DIAL_S = 10.0
#: A session that lived this long, in seconds, was one.
PROVED_AFTER_S = 5.0
#: So many in a row, each ended by the other side so soon after it was established, and each time it was still there:
#: another client has our id, and is thrown out by us as we are by it (MQTT 3.1.1 section 3.1.4).
SHORT_S = 10.0
MAX_SHORT_SESSIONS = 5

#: CONNACK return codes (MQTT 3.1.1 section 3.2.2.3).
_BAD_CLIENT_ID: Final = 2
_UNAVAILABLE: Final = 3
_BAD_PASSWORD: Final = 4
_NOT_AUTHORISED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the MQTT broker knows this client by. ``will`` (topic, payload) is published, retained, when it is lost."""

    client_id: str
    will: tuple[str, bytes]
    user: str | None = None
    password: bytes | None = None

    def connect_packet(self) -> bytes:
        """CONNECT. Raises ValueError: a field is too long, or there is a password without a user."""
        return packets.connect(
            self.client_id,
            keepalive_s=KEEPALIVE_S,
            will_topic=self.will[0],
            will_payload=self.will[1],
            user=self.user,
            password=self.password,
        )


class MqttClient:
    """Keeps a connection to the MQTT broker at ``host``, subscribed to ``filters`` at QoS 1. Run :meth:`run` in a task.

    ``receiver`` takes what comes; ``established`` is called when there is a connection, and the subscriptions are in
    force. Each new connection is also told what is retained under ``glance_at``. ``random`` gives floats in [0, 1), for
    the delays.
    """

    def __init__(
        self,
        host: str,
        port: int,
        account: Account,
        receiver: Receiver,
        filters: tuple[str, ...],
        counters: Counters,
        *,
        established: Callable[[], None],
        glance_at: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._host = host
        self._port = port
        self._account = account
        self._receiver = receiver
        self._on_established = established
        self._filters = filters
        self._glance_at = glance_at
        self._counters = counters
        self._tls = tls
        self._backoff = Backoff(random)
        self._duplicates = Duplicates()
        self._connection: Connection | None = None
        self._closed = False
        self._short_sessions = 0
        self._told: set[str] = set()
        self._where = f"{in_url(host)}:{port}"
        #: Whether messages can be sent, and come.
        self.connected = asyncio.Event()
        #: Since when they cannot (by the event loop's clock; None: they can), and what the last try came to.
        self.away_since: float | None = None
        self.trouble = ""

    async def run(self) -> None:
        """Until :meth:`close`, or cancelled: the connection is then cut, and the MQTT broker publishes the will."""
        loop = asyncio.get_running_loop()
        self.away_since = loop.time()
        while True:
            began: float | None = None
            keeping: asyncio.Task[None] | None = None
            try:
                connection = self._connection = await self._dial()
                # From the first byte: what the session has kept for us may crowd the gateway before SUBACK is there.
                keeping = loop.create_task(connection.keep(), name="MQTT connection: keep")
                await self._greet(connection)
                began = loop.time()
                if self._glance_at:
                    await connection.glance(self._glance_at)
                loss = await self._ended(connection, keeping)
            except ConnectionLost as lost:
                loss = lost
            except Exception:
                log.exception("A fault of the gateway's own ended the MQTT connection; please report this")
                self._counters.internal_errors += 1
                loss = ConnectionLost("fault", "a fault of the gateway's own")
            finally:
                self.connected.clear()
                if keeping is not None:
                    keeping.cancel()
                ended, self._connection = self._connection, None
                if ended is not None:
                    await ended.close(orderly=False)
            if self._closed:
                return
            self._counters.losses += 1
            self.away_since = loop.time() if self.away_since is None else self.away_since
            self.trouble = str(loss)
            lived_s = None if began is None else loop.time() - began
            delay_s = self._backoff_s(loss, lived_s)
            self._tell(loss, lived_s is not None, delay_s)
            await asyncio.sleep(delay_s)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[bool]:
        """Send a message at QoS 1, now or never; whether the MQTT broker has acknowledged it."""
        if self._connection is None:
            self._counters.unsent += 1
            nowhere: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            nowhere.set_result(False)
            return nowhere
        return self._connection.publish(topic, payload, retain=retain)

    async def close(self, topic: str, payload: bytes) -> None:
        """Say goodbye by a last retained message, where there is a connection; :meth:`run` then ends.

        Takes at most CLOSE_S; nothing is reported any more once it has been called.
        """
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.connected.is_set():
            self.connected.clear()
            connection.publish(topic, payload, retain=True)
        await connection.close()

    async def _greet(self, connection: Connection) -> None:
        try:
            kept = await connection.connect(self._account.connect_packet())
        except ConnectionLost as lost:
            if self._tls is None or lost.kind != "closed":
                raise
            # TLS 1.3: a certificate that is missing shows after the handshake, and its alert may be lost on the way.
            raise ConnectionLost("tls", f"{lost} before it answered CONNECT, as if it wanted a certificate") from None
        if not kept:
            self._duplicates.clear()
        await connection.subscribe(self._filters)
        self._counters.connections += 1
        self._established(kept)
        self.connected.set()
        self.away_since, self.trouble = None, ""
        self._on_established()

    async def _dial(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DIAL_S):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._receiver, self._duplicates, self._counters),
                    self._host,
                    self._port,
                    ssl=self._tls,
                )
        except TimeoutError:
            raise ConnectionLost("unreachable", f"no answer within {DIAL_S:.0f} s") from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectionLost("tls", f"its certificate is not trusted ({error.verify_message})") from None
        except ssl.SSLError as error:
            raise ConnectionLost("tls", error.reason or str(error)) from None
        except (OSError, UnicodeError) as error:
            if self._tls is not None and isinstance(error, ConnectionResetError | ConnectionAbortedError):
                raise ConnectionLost("tls", "it ended the handshake, as one does that speaks no TLS") from None
            raise ConnectionLost("unreachable", reason_of(error)) from None
        return connection

    async def _ended(self, connection: Connection, keeping: asyncio.Task[None]) -> ConnectionLost:
        """Why the connection is over, once it is."""
        await asyncio.wait((keeping, connection.lost), return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
        return connection.lost.result()

    def _backoff_s(self, loss: ConnectionLost, lived_s: float | None) -> float:
        if lived_s is not None:
            short = lived_s < SHORT_S and loss.kind == "closed"
            self._short_sessions = self._short_sessions + 1 if short else 0
            if lived_s >= PROVED_AFTER_S:
                self._backoff.succeeded()
        elif loss.kind == "unreachable":
            self._short_sessions = 0  # it was restarted
        twin = self._short_sessions >= MAX_SHORT_SESSIONS
        return self._backoff.failed(asyncio.get_running_loop().time(), replaced=twin)

    def _established(self, kept: bool) -> None:
        again = "" if self._backoff.since is None else " again"
        self._told &= {"twin"}
        log.info(
            "Connected%s to the MQTT broker at %s as %s%s",
            again,
            self._where,
            self._account.client_id,
            ", which has kept our session" if kept else "",
        )

    def _tell(self, loss: ConnectionLost, was_connected: bool, delay_s: float) -> None:
        """Say once in an outage what is wrong, and what to do where somebody has to do something."""
        twin = self._short_sessions >= MAX_SHORT_SESSIONS
        kind = "twin" if twin else f"{loss.kind} {loss.code}"
        if not twin and not self._short_sessions:
            self._told.discard("twin")
        if kind in self._told:
            log.debug("No connection to the MQTT broker at %s: %s; next try in %.1f s", self._where, loss, delay_s)
            return
        first = not self._told
        self._told.add(kind)
        if twin:
            log.error(
                "Another client at the MQTT broker seems to use the client id %s: "
                "give each gateway its own (--mqtt-client-id)",
                self._account.client_id,
            )
        elif loss.kind == "admission":
            log.error("The MQTT broker at %s does not admit this gateway: %s", self._where, self._advice(loss.code))
        elif loss.kind == "subscription":
            log.error("The MQTT broker at %s is of no use: %s; change its access list", self._where, loss)
        elif loss.kind == "tls":
            log.error(
                "No TLS connection to the MQTT broker at %s: %s; see --mqtt-ca, --mqtt-cert and --mqtt-ssl",
                self._where,
                loss,
            )
        elif loss.kind in ("fault", "broken"):
            log.error("The connection to the MQTT broker at %s ended: %s; trying again", self._where, loss)
        elif was_connected:
            log.warning("Lost the MQTT broker at %s: %s; trying again until it is back", self._where, loss)
        elif first:
            hint = "" if self._tls is not None or loss.kind != "closed" else "; does it want TLS (--mqtt-ssl)?"
            log.warning("Cannot reach the MQTT broker at %s: %s; trying until it is there%s", self._where, loss, hint)
        else:
            log.debug("No connection to the MQTT broker at %s: %s", self._where, loss)

    def _advice(self, code: int) -> str:
        if code in (_BAD_PASSWORD, _NOT_AUTHORISED):
            if self._account.user is None:
                return (
                    "it wants a user and a password (--mqtt-user, --mqtt-password-file); "
                    "aiot-mqtt-broker knows those of: aiot device add NAME --gateway"
                )
            return f"wrong password for the user {self._account.user} (--mqtt-user, --mqtt-password-file)"
        if code == _BAD_CLIENT_ID:
            return f"it does not take the client id {self._account.client_id} (--mqtt-client-id)"
        if code == _UNAVAILABLE:
            return "it says that it is not available"
        return f"it refused CONNECT with code {code}"
