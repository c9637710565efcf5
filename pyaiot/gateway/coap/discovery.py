# SPDX-License-Identifier: BSD-3-Clause
"""What a device offers, and its values: GET /.well-known/core, GET each resource, observe some.

At most four requests at a time go to a device (a constrained one has buffers for no more), and a failed GET is
a line in the log, never a value. A discovery that got no answer is due again at the device's next sign of life,
first after half a minute, then ever more rarely.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiocoap import Message  # type: ignore[import-untyped]

from pyaiot.gateway.adapter import DeviceEvents, Refused
from pyaiot.gateway.coap import client
from pyaiot.gateway.coap.contacts import Contacts, SockAddr
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.directory import Directory
from pyaiot.gateway.coap.endpoint import Endpoint
from pyaiot.gateway.coap.link_about import about_of
from pyaiot.gateway.coap.linkformat import BadLinks, Link, parse_links
from pyaiot.gateway.coap.observation import Observation
from pyaiot.gateway.coap.payloads import BadPayload, parse_value

logger = logging.getLogger(__name__)

#: Requests under way to one device.
CONCURRENCY = 4
#: Resources of one device that are read; more are ignored with a warning.
MAX_RESOURCES = 64
#: How long a failed discovery rests, at first and at most.
FIRST_REST_S, LONGEST_REST_S = 30.0, 600.0


class Discovery:
    """Discovers one device, again and again; owns its observations. :meth:`close` it when the node is out."""

    def __init__(
        self,
        uid: str,
        endpoint: Endpoint,
        events: DeviceEvents,
        contacts: Contacts,
        directory: Directory,
        counters: Counters,
        answered: Callable[[str, SockAddr], None],
    ) -> None:
        """``answered`` is called at each answer."""
        self._uid = uid
        self._endpoint = endpoint
        self._events = events
        self._contacts = contacts
        self._directory = directory
        self._counters = counters
        self._answered = answered
        #: When a failed discovery may be tried again (loop time); None: the last one succeeded, or none was.
        self.retry_at: float | None = None
        #: The discovery under way has got an answer.
        self.is_answered = False
        self._failures = 0
        self._turn = asyncio.Lock()
        self._waiting = False
        self._observations: set[asyncio.Task[None]] = set()
        self._closed = False

    def is_due(self) -> bool:
        """Whether a failed discovery has rested long enough."""
        return self.retry_at is not None and self._endpoint.loop.time() >= self.retry_at

    def postpone(self) -> None:
        """It is due at the next sign of life."""
        self.retry_at = self._endpoint.loop.time()

    def close(self) -> list[asyncio.Task[None]]:
        """Report nothing more; returns the tasks that are cancelled by it."""
        self._closed = True
        return self._stop_observing()

    async def run(self) -> None:
        """One discovery. One that is under way is waited for first; of several that wait, one runs."""
        if self._waiting:
            return
        self._waiting = True
        try:
            await self._turn.acquire()
        finally:
            self._waiting = False
        try:
            if not self._closed:
                await self._run()
        finally:
            self._turn.release()

    async def _run(self) -> None:
        self._counters.discoveries += 1
        self._stop_observing()
        self.retry_at = None
        self.is_answered = False
        try:
            links, address = await self._links()
        except client.DeviceError as error:
            self._fail(error.reason)
            return
        room = asyncio.Semaphore(CONCURRENCY)
        offered = self._offered(links)
        self._describe(offered)
        async with asyncio.TaskGroup() as group:
            for resource, link in offered.items():
                group.create_task(self._take(resource, link, address, room), name=f"read {self._uid}/{resource}")
        if offered and not self.is_answered:
            # Links that were registered came without asking: whether anybody is there is only known by now.
            self._fail("nothing that it offers answers")
            return
        self._failures = 0
        logger.info("node %s: offers %s", self._uid, ", ".join(offered) or "nothing")

    def _fail(self, reason: str) -> None:
        self._counters.discoveries_failed += 1
        rest_s = min(FIRST_REST_S * 2 ** min(self._failures, 10), LONGEST_REST_S)
        self._failures += 1
        self.retry_at = self._endpoint.loop.time() + rest_s
        log = logger.info if self._failures == 1 else logger.debug
        log("node %s: discovery failed: %s", self._uid, reason)

    async def _links(self) -> tuple[tuple[Link, ...], SockAddr]:
        """The links of the device and where it answers; the ones that it registered need no request."""
        registered = self._directory.links(self._uid)
        address = self._contacts.target(self._uid)
        if address is not None and registered is not None and any(map(_is_offer, registered)):
            return registered, address
        failure = client.DeviceError("offline", "no way to it is known")
        for port in self._contacts.candidates(self._uid):
            address = self._contacts.target(self._uid, port)
            if address is None:
                break
            try:
                response = await self._read(address, (".well-known", "core"))
                links = tuple(parse_links(response.payload))
            except BadLinks as error:
                failure = client.DeviceError("refused", f"its links at port {port}: {error}")
            except client.DeviceError as error:
                failure = client.DeviceError(error.code, f"port {port}: {error.reason}")
            else:
                self._contacts.settle(self._uid, port)
                return links, address
        raise failure

    async def _read(self, address: SockAddr, path: tuple[str, ...]) -> Message:
        try:
            response = await client.read(self._endpoint, address, path)
        except client.DeviceError as error:
            if error.answered:
                self._note_answer(address)
            raise
        self._note_answer(address)
        return response

    def _note_answer(self, address: SockAddr) -> None:
        self.is_answered = True
        if not self._closed:
            self._answered(self._uid, address)

    def _offered(self, links: tuple[Link, ...]) -> dict[str, Link]:
        offered: dict[str, Link] = {}
        for link in links:
            if _is_core(link):
                continue
            resource = link.resource
            if resource is None:
                logger.info("node %s: the link <%.80s> cannot be a resource", self._uid, link.target)
            elif len(offered) == MAX_RESOURCES:
                logger.warning("node %s: offers more than %d resources", self._uid, MAX_RESOURCES)
                break
            else:
                offered.setdefault(resource, link)
        return offered

    def _describe(self, offered: dict[str, Link]) -> None:
        """Tell what the links say, also where they say nothing any more."""
        for resource, link in offered.items():
            if self._closed:
                return
            try:
                self._events.described(self._uid, resource, about_of(link))
            except Refused as error:
                self._counters.refused += 1
                logger.info("node %s: what its link says of %s is not taken: %s", self._uid, resource, error)

    async def _take(self, resource: str, link: Link, address: SockAddr, room: asyncio.Semaphore) -> None:
        path = link.path
        assert path is not None  # it has a resource name
        async with room:
            if self._closed:
                return
            if link.observable:

                def observed(data: str) -> None:
                    self._note_answer(address)
                    self._report(resource, data)

                observation = Observation(
                    self._endpoint,
                    self._counters,
                    self._uid,
                    resource,
                    path,
                    address,
                    observed,
                )
                task = asyncio.get_running_loop().create_task(observation.run(), name=f"observe {self._uid}/{resource}")
                self._observations.add(task)
                task.add_done_callback(self._observations.discard)
                await observation.tried.wait()
                return
            try:
                response = await self._read(address, path)
                value = parse_value(resource, response.payload)
            except (client.DeviceError, BadPayload) as error:
                self._counters.reads_failed += 1
                logger.info("node %s: %s cannot be read: %s", self._uid, resource, error)
                return
        self._counters.reads += 1
        self._report(resource, value)

    def _report(self, resource: str, data: str) -> None:
        if self._closed:
            return
        try:
            self._events.updated(self._uid, resource, data)
        except Refused as error:
            self._counters.refused += 1
            logger.info("node %s: %s is not taken: %s", self._uid, resource, error)

    def _stop_observing(self) -> list[asyncio.Task[None]]:
        tasks = list(self._observations)
        for task in tasks:
            task.cancel()
        return tasks


def _is_core(link: Link) -> bool:
    return "well-known/core" in link.target


def _is_offer(link: Link) -> bool:
    return link.resource is not None and not _is_core(link)
