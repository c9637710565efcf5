# SPDX-License-Identifier: BSD-3-Clause
"""The road to the broker: one session after another, for ever. Loud when it is lost, and quiet until it is back."""

from __future__ import annotations

import asyncio
import logging
import random as chance
import time
from collections.abc import Callable
from dataclasses import replace

from pyaiot.gateway.backoff import Backoff
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkLost
from pyaiot.gateway.link import Host, Link
from pyaiot.gateway.outbox import Outbox
from pyaiot.wire.messages import Door

log = logging.getLogger("pyaiot.gateway")

#: A session that lived this long, in seconds, was one, even if there was nothing to acknowledge in it.
PROVED_AFTER_S = 5.0
#: An outage of this length, in seconds, is told once more, by what keeps us from connecting: a restart takes less.
STILL_AWAY_S = 30.0


class Uplink:
    """Keeps a session with the broker, and sends what is in the outbox.

    Call :meth:`wake` after adding to the outbox. ``random`` gives floats in [0, 1), for the delays.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        identity: Identity,
        outbox: Outbox,
        host: Host,
        *,
        random: Callable[[], float] = chance.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._identity = identity
        self._outbox = outbox
        self._host = host
        self._clock = clock
        self._backoff = Backoff(random)
        self._link: Link | None = None
        self._told: set[str] = set()
        #: That it was lost has been told, and not yet what keeps us from connecting again.
        self._owes_reason = False
        #: Whether the broker said welcome and the session has not ended.
        self.connected = False
        #: Sessions begun, and sessions or tries that failed.
        self.sessions = 0
        self.losses = 0
        #: Since when there has been no session, and what the last try came to. Monotonic seconds; None: there is one.
        self.away_since: float | None = None
        self.trouble = ""
        #: How long it waits before the next try; 0 while it does not wait.
        self.delay_s = 0.0

    async def run(self) -> None:
        """Until cancelled; a session is then closed with 1001."""
        self.away_since = self._clock()
        while True:
            began = self._clock()
            link = Link(self._broker, self._identity, self._outbox, self._host)
            try:
                self._link = link
                await link.run(self._established)
            except LinkLost as lost:
                loss = lost
            except Exception:
                log.exception("A fault of the gateway's own ended the session; please report this")
                loss = LinkLost("fault", "a fault of the gateway's own")
            finally:
                was_connected, self.connected = self.connected, False
                self._link = None
            if link.proved or (was_connected and self._clock() - began >= PROVED_AFTER_S):
                self._backoff.succeeded()
            delay = self._backoff.failed(self._clock(), replaced=loss.kind == "replaced")
            self.losses += 1
            self._tell(loss, was_connected, delay)
            if self.away_since is None:
                self.away_since = self._clock()
            self.trouble, self.delay_s = str(loss), delay
            await asyncio.sleep(delay)
            self.delay_s = 0.0

    @property
    def url(self) -> str:
        """Where the broker is."""
        return self._broker.url

    def away_s(self) -> float | None:
        """For how long there has been no session; None: there is one."""
        return None if self.away_since is None else self._clock() - self.away_since

    def announce(self, doors: tuple[Door, ...]) -> None:
        """From the next session on the broker is told that devices come in there."""
        self._identity = replace(self._identity, doors=doors)

    def wake(self) -> None:
        """There is more in the outbox."""
        if self._link is not None:
            self._link.wake()

    async def drain(self) -> None:
        """Wait until the broker has everything, if there is a session, and no longer than it lasts."""
        if self._link is not None and self.connected:
            await self._link.drain()

    def _established(self) -> None:
        self.connected = True
        self.away_since, self.trouble = None, ""
        self.sessions += 1
        self._told.clear()
        self._owes_reason = False
        since = self._backoff.since
        if since is None:
            log.info("Connected to the broker at %s", self.url)
        else:
            log.info(
                "Connected to the broker at %s after %.1f s, with %d messages waiting",
                self.url,
                self._clock() - since,
                len(self._outbox),
            )

    def _tell(self, loss: LinkLost, was_connected: bool, delay: float) -> None:
        """Say once in an outage what is wrong, and what to do where somebody has to do something."""
        away_s = self.away_s() or 0.0
        if self._owes_reason and loss.kind == "unreachable" and away_s >= STILL_AWAY_S:
            self._owes_reason = False
            log.warning("Still no broker at %s after %.0f s: %s; trying until it is there", self.url, away_s, loss)
            return
        if loss.kind in self._told:
            log.debug("No session with the broker at %s: %s; next try in %.1f s", self.url, loss, delay)
            return
        first = not self._told
        self._told.add(loss.kind)
        name, key = self._identity.name, self._identity.key
        if loss.kind == "not admitted":
            log.error(
                "The broker at %s does not admit this gateway. "
                "At the broker, run: aiot-generate-keys --authorize %s %s",
                self.url,
                name,
                key.public,
            )
        elif loss.kind == "stranger":
            log.error(
                "Not the broker that is trusted here, at %s: %s. If its key was changed on purpose, run here: "
                "aiot-generate-keys --trust-broker KEY (aiot-generate-keys --list shows it at the broker)",
                self.url,
                loss,
            )
        elif loss.kind == "replaced":
            log.error(
                "Another gateway with the name %s took this one's place at the broker; next try in %.0f s. "
                "Give each gateway a name of its own (--gateway-name)",
                name,
                delay,
            )
        elif loss.kind == "untrusted":
            log.error("Not connected to the broker at %s: %s; trying again until it is right", self.url, loss)
        elif loss.kind == "fault":
            log.error("Session with the broker at %s ended: %s; trying again", self.url, loss)
        elif not first:
            log.debug("No session with the broker at %s: %s", self.url, loss)
        elif was_connected:
            self._owes_reason = True
            log.warning("Lost the broker at %s: %s; trying again until it is back", self.url, loss)
        else:
            log.warning("Cannot reach the broker at %s: %s; trying until it is there", self.url, loss)
