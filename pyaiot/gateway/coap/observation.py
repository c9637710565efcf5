# SPDX-License-Identifier: BSD-3-Clause
"""An observed resource that stays observed (RFC 7641): one task a resource, for as long as the node lives.

An observation can end in silence: the device rebooted, dropped us from its list, or lost a notification. So it
is asked for again when the device ends it, when it fails, and when the last value has expired (Max-Age) without
a word; after failures ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from aiocoap import Message  # type: ignore[import-untyped]

from pyaiot.gateway.coap import client
from pyaiot.gateway.coap.contacts import SockAddr
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.endpoint import Endpoint
from pyaiot.gateway.coap.freshness import Freshness
from pyaiot.gateway.coap.payloads import BadPayload, parse_value

logger = logging.getLogger(__name__)

#: RFC 7252 section 5.10.5: what a response without Max-Age means.
DEFAULT_MAX_AGE_S = 60.0
#: RFC 7641 section 3.3.1: ask again this long after the value expired, so that not all do at once.
GRACE_S = (5.0, 15.0)
#: How long to wait after the first failure in a row, and at most.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Observation:
    """Keeps one resource of one device observed; :meth:`run` it in a task."""

    def __init__(
        self,
        endpoint: Endpoint,
        counters: Counters,
        uid: str,
        resource: str,
        path: tuple[str, ...],
        address: SockAddr,
        report: Callable[[str], None],
    ) -> None:
        self._endpoint = endpoint
        self._counters = counters
        self._uid = uid
        self._resource = resource
        self._path = path
        self._address = address
        self._report = report
        #: Set once the first attempt has its outcome: a value was reported, or it failed.
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Observe until cancelled, or until the device says that the resource cannot be observed."""
        failures = 0
        while True:
            try:
                observed = await self._observe()
                failures = 0
            except client.DeviceError as error:
                failures += 1
                log = logger.info if failures == 1 else logger.debug
                log("node %s: %s cannot be observed: %s", self._uid, self._resource, error.reason)
                if not self.tried.is_set():
                    self._counters.reads_failed += 1
                observed = True
            finally:
                self.tried.set()
            if not observed:
                logger.debug("node %s: %s is not observable after all", self._uid, self._resource)
                return
            pause_s = min(FIRST_PAUSE_S * 2 ** min(failures, 10), LONGEST_PAUSE_S)
            await asyncio.sleep(random.uniform(pause_s / 2, pause_s))

    async def _observe(self) -> bool:
        """One observation from its request to its end; false: the device answered, but does not observe.

        Returns at its orderly end and when its value expires; raises DeviceError where it failed.
        """
        loop = self._endpoint.loop
        news: asyncio.Queue[Message | client.DeviceError | None] = asyncio.Queue(maxsize=8)

        def notify(message: Message) -> None:
            if news.full():  # the newest matters, not every one
                news.get_nowait()
            news.put_nowait(message)

        def end(error: client.DeviceError | None) -> None:
            if news.full():
                news.get_nowait()
            news.put_nowait(error)

        freshness = Freshness()
        observed = False
        wait_s = client.ANSWER_TIMEOUT_S
        watch = client.Watch(self._endpoint, self._address, self._path, notify, end)
        watch.open()
        try:
            while True:
                try:
                    async with asyncio.timeout(wait_s):
                        item = await news.get()
                except TimeoutError:
                    if observed:
                        return True
                    raise client.DeviceError("timeout", f"no answer within {wait_s:.0f} s") from None
                if item is None:
                    return observed
                if isinstance(item, client.DeviceError):
                    raise item
                number = item.opt.observe
                if number is not None and not freshness.is_newer(number, loop.time()):
                    self._counters.notifications_stale += 1
                    continue
                if observed:
                    self._counters.notifications += 1
                else:
                    self._counters.reads += 1
                await self._take(item)
                observed = observed or number is not None
                max_age = item.opt.max_age
                wait_s = (DEFAULT_MAX_AGE_S if max_age is None else float(max_age)) + random.uniform(*GRACE_S)
        finally:
            watch.close()

    async def _take(self, message: Message) -> None:
        whole = await client.complete(self._endpoint, self._address, self._path, message)
        try:
            value = parse_value(self._resource, whole.payload)
        except BadPayload as error:
            raise client.DeviceError("refused", str(error)) from None
        self.tried.set()
        self._report(value)
