# SPDX-License-Identifier: BSD-3-Clause
"""An MQTT device without hardware: it speaks to a real MQTT broker, as the firmware does (PROTOCOL.md section 1.2).

It checks in at the start, every 30 s and when the gateway asks all to; it answers ``discover``, takes writes, and
publishes its values every few seconds. ``unsolicited`` it is like firmware behind an MQTT-SN gateway instead: it never
subscribes, and publishes everything unasked. A device costs one connection and one task.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Iterable, Mapping

from pyaiot.simulation.mqtt_connection import Connection, ConnectionFailed, own_address
from pyaiot.simulation.resources import RESOURCES, Resource, about_of, make_resource
from pyaiot.system_errors import reason_of

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S = 30.0
#: How long the goodbye may take to be acknowledged.
GOODBYE_TIMEOUT_S = 1.0
#: Before the next try it waits a random part of a ceiling that doubles; after a refused login, about this long.
RETRY_FIRST_S = 0.5
RETRY_CEILING_S = 10.0
RETRY_REFUSED_S = 30.0
#: When unsolicited: seconds from check to resources to values; then this after the last of a turn and between two.
BOOT_STEP_S = 1.0
TURN_PAUSE_S = 5.0
TURN_STEP_S = 1.0


class SimulatedMqttDevice:
    """A device with some of :data:`RESOURCES`. Either :meth:`run` it, or :meth:`start` and :meth:`stop` it."""

    def __init__(
        self,
        uid: str,
        mqtt_host: str = "localhost",
        mqtt_port: int = 1886,
        *,
        user: str = "",
        password: str = "",
        attributes: Mapping[str, str] | None = None,
        resources: Iterable[str] = ("led", "temperature", "pressure"),
        interval_s: float = 5.0,
        intervals_s: Mapping[str, float] | None = None,
        forms: Mapping[str, str] | None = None,
        unsolicited: bool = False,
        describes: bool = False,
        seed: int | str | None = None,
    ) -> None:
        """``attributes`` are resources that never change, besides ``ip``; ``interval_s`` is that of the values.

        ``intervals_s`` and ``forms`` (``{:.0f}°C``) are for single resources; when unsolicited, values take turns and
        intervals mean nothing. With ``describes`` it says what its resources are. ``seed`` makes the values repeatable;
        by default the uid is the seed. Raises ValueError
        for an unknown resource.
        """
        names = list(dict.fromkeys(resources))
        if unknown := set(names) - set(RESOURCES):
            raise ValueError(f"there is no simulated {', '.join(sorted(unknown))}: choose of {', '.join(RESOURCES)}")
        self.uid = uid
        self._host, self._port = mqtt_host, mqtt_port
        self._user, self._password = user, password
        self._unsolicited = unsolicited
        self._describes = describes
        self._random = random.Random(f"device {uid if seed is None else seed}")
        self._attributes = {"name": "Python MQTT Node", "os": "python"} if attributes is None else dict(attributes)
        self._resources: dict[str, Resource] = {
            name: make_resource(
                name,
                seed=uid if seed is None else seed,
                interval_s=(intervals_s or {}).get(name, interval_s),
                form=(forms or {}).get(name, ""),
            )
            for name in names
        }
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._complained = ""
        self._connected_before = False

    @property
    def connected(self) -> bool:
        """Whether the MQTT broker has let it in, and it can publish."""
        return self._connection is not None

    async def run(self) -> None:
        """Be a device until cancelled; whatever the MQTT broker does, it goes on trying."""
        await self.start()
        try:
            assert self._task is not None
            await asyncio.wait((self._task,))  # which, unlike awaiting it, lets it live for the goodbye
            self._task.result()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._live(), name=f"simulated device {self.uid}")

    async def stop(self) -> None:
        """Say goodbye (``node/<id>/out``), and close the connection; may be called twice."""
        task, self._task = self._task, None
        if task is None:
            return
        connection = self._connection
        if connection is not None and not self._unsolicited:
            connection.say(f"node/{self.uid}/out", "stopped")
            await connection.acknowledged(GOODBYE_TIMEOUT_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def read(self, resource: str) -> str:
        """The present value of a resource, as it is published."""
        return self._attributes.get(resource) or self._resources[resource].read()

    # One connection after another.

    async def _live(self) -> None:
        ceiling_s = RETRY_FIRST_S
        while True:
            will = None if self._unsolicited else f"node/{self.uid}/out"
            connection = Connection(self.uid, self._heard, will=will)
            try:
                await self._begin(connection)
                self._connection, ceiling_s = connection, RETRY_FIRST_S
                await self._serve(connection)
            except ConnectionFailed as failed:
                wait_s = self._random.uniform(0.1, 1) * ceiling_s
                ceiling_s = min(2 * ceiling_s, RETRY_CEILING_S)
                if failed.refused:
                    wait_s = self._random.uniform(0.5, 1) * RETRY_REFUSED_S
                self._complain(str(failed))
            finally:
                self._connection = None
                await connection.close()
            await asyncio.sleep(wait_s)

    def _complain(self, reason: str) -> None:
        """Say once for all tries of an outage what is wrong."""
        if reason != self._complained:
            self._complained = reason
            logger.warning("device %s: MQTT broker %s:%d: %s; trying on", self.uid, self._host, self._port, reason)

    async def _begin(self, connection: Connection) -> None:
        try:
            self._attributes["ip"] = await own_address(self._host, self._port)
        except OSError as error:
            raise ConnectionFailed(f"is not there ({reason_of(error)})") from None
        await connection.open(self._host, self._port, self._user, self._password)
        if not self._unsolicited:
            writable = [name for name, resource in self._resources.items() if resource.write is not None]
            await connection.subscribe(
                [
                    "gateway/check",
                    f"gateway/{self.uid}/discover",
                    *(f"gateway/{self.uid}/{name}/set" for name in writable),
                ]
            )
        self._complained = ""
        logger.info("device %s: connected to the MQTT broker at %s:%d", self.uid, self._host, self._port)

    async def _serve(self, connection: Connection) -> None:
        """Publish what is due, and answer, until the connection breaks."""
        measured = [name for name, resource in self._resources.items() if resource.interval_s is not None]
        self._check()
        if self._unsolicited:
            await connection.pause(BOOT_STEP_S)
            self._tell_resources()
            await connection.pause(BOOT_STEP_S)
            self._tell_values()
            begin = time.monotonic() + TURN_PAUSE_S
            for place, name in enumerate(measured):
                self._resources[name].due_at = begin + place * TURN_STEP_S
                self._resources[name].interval_s = TURN_PAUSE_S + (len(measured) - 1) * TURN_STEP_S
        else:
            if self._connected_before:  # the gateway may know us, and not ask for what changed meanwhile
                self._tell_values()
            for name in measured:  # not all at the same moment
                interval_s = self._resources[name].interval_s or 0.0
                self._resources[name].due_at = time.monotonic() + self._random.uniform(0.1, 1) * interval_s
        self._connected_before = True
        check_at = time.monotonic() + CHECK_INTERVAL_S
        while True:
            await connection.pause(
                min([check_at, *(self._resources[name].due_at for name in measured)]) - time.monotonic()
            )
            now = time.monotonic()
            if now >= check_at:
                check_at = now + CHECK_INTERVAL_S
                self._check()
            for name in measured:
                resource = self._resources[name]
                if resource.interval_s is not None and now >= resource.due_at:
                    resource.due_at = max(resource.due_at + resource.interval_s, now)
                    self._tell(name)

    # Messages.

    def _say(self, topic: str, payload: str) -> None:
        if self._connection is not None:
            self._connection.say(topic, payload)

    def _check(self) -> None:
        self._say("node/check", json.dumps({"id": self.uid}))

    def _tell_resources(self) -> None:
        listed: list[object] = list(self._attributes)
        for name in self._resources:
            about = about_of(name) if self._describes else {}
            listed.append({"name": name, **about} if about else name)
        self._say(f"node/{self.uid}/resources", json.dumps(listed, ensure_ascii=False))

    def _tell_values(self) -> None:
        for name in (*self._attributes, *self._resources):
            self._tell(name)

    def _tell(self, name: str) -> None:
        self._say(f"node/{self.uid}/{name}", json.dumps({"value": self.read(name)}, ensure_ascii=False))

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        text = payload.decode(errors="replace")
        if topic == "gateway/check":
            self._check()
        elif topic == f"gateway/{self.uid}/discover":
            if text == "resources":
                self._tell_resources()
            elif text == "values":
                self._tell_values()
        else:
            name = topic.removeprefix(f"gateway/{self.uid}/").removesuffix("/set")
            resource = self._resources.get(name)
            if resource is None or resource.write is None:
                return
            if retained:  # it would be carried out again at each start
                logger.warning("device %s: the write of %s is a retained message, and ignored", self.uid, name)
                return
            if resource.write(text) is None:
                logger.info("device %s: %s cannot be %.40r", self.uid, name, text)
            else:
                logger.info("device %s: %s is now %.40s", self.uid, name, resource.read())
            self._tell(name)
