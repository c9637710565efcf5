# SPDX-License-Identifier: BSD-3-Clause
"""Takes up a renewed certificate without a restart, within a minute or at SIGHUP; says when it is high time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from pyaiot.lifecycle import Ready, Service
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health, worst
from pyaiot.monitoring.watched import watched_in
from pyaiot.options import ConfigurationError
from pyaiot.tls.certificate import ServerCertificate

log = logging.getLogger("pyaiot.tls")

#: How often the files are looked at.
LOOK_S: Final = 60.0
#: How often it is said that the certificate soon holds no more.
WARN_EVERY_S: Final = 86_400.0


class Renewal:
    """A service beside those that show ``certificate``."""

    def __init__(self, certificate: ServerCertificate, *, clock: Callable[[], float] = time.time) -> None:
        self._certificate = certificate
        self._clock = clock
        self._warned_at = -WARN_EVERY_S
        #: Why the files are not in use as they are now; empty: they are.
        self._trouble = ""

    async def run(self, ready: Ready) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()
        at_terminal = _is_at_terminal()

        def hang_up() -> None:
            """Who closes a terminal means the end of what runs there, as without TLS."""
            if at_terminal and not _is_at_terminal():
                signal.raise_signal(signal.SIGTERM)
            else:
                asked.set()

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        try:
            if self._certificate.key_is_public():
                key = self._certificate.key_file
                log.warning("Everybody on this host can read the private key %s: run chmod 640 %s", key, key)
            self._warn()
            ready()
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await asked.wait()
                if asked.is_set():
                    self._trouble = ""  # who asks is told again
                # Files that were refused may do by now: time passes, too.
                if asked.is_set() or self._trouble or self._certificate.changed():
                    asked.clear()
                    self._take_up()
                self._warn()
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    def _take_up(self) -> None:
        try:
            self._certificate.reload()
        except ConfigurationError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.error("%s; the certificate that was read before stays in use", error)
        else:
            self._trouble = ""
            self._warned_at = -WARN_EVERY_S
            log.info("New connections get the certificate that holds until %s", self._certificate.validity.ends)

    def _warn(self) -> None:
        now = self._clock()
        warning = self._certificate.validity.warning(now)
        if warning is not None and now - self._warned_at >= WARN_EVERY_S:
            self._warned_at = now
            log.warning("The certificate in %s %s", self._certificate.file, warning)


def _is_at_terminal() -> bool:
    """Whether there is a terminal; one that was closed is none."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


class _Both:
    """A service, and beside it what renews its certificate, whose state is the service's, too."""

    def __init__(self, service: Service, certificate: ServerCertificate) -> None:
        self.inner = service
        self._certificate = certificate
        self._renewal = Renewal(certificate)

    async def run(self, ready: Ready) -> None:
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._renewal.run(lambda: None), name="renewal of the certificate")
            try:
                await self.inner.run(ready)
            finally:
                renewing.cancel()

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        watched = watched_in(self.inner)
        return chain(watched.families() if watched else (), self._certificate.families())

    def health(self) -> Health:
        """See monitoring.Watched."""
        watched = watched_in(self.inner)
        own = self._certificate.health()
        return worst(watched.health(), own) if watched else own


def renewing(service: Service, certificate: ServerCertificate | None) -> Service:
    """``service``, which shows ``certificate`` if there is one, so that it is renewed meanwhile."""
    return service if certificate is None else _Both(service, certificate)
