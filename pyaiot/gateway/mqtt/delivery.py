# SPDX-License-Identifier: BSD-3-Clause
"""A write or a question on its way to a device: the MQTT broker takes it, then the device's own word is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.confirmation import CONFIRM_S, Confirmations
from pyaiot.gateway.device_text import CannotSay, encode_data
from pyaiot.gateway.mqtt.topics import BadTopic, discover_topic, write_topic
from pyaiot.gateway.questions import REPORT_S, Questions
from pyaiot.wire.messages import JSON

#: MqttClient.publish: topic and payload; whether the MQTT broker has acknowledged it.
Publish: TypeAlias = Callable[[str, bytes], asyncio.Future[bool]]


class Delivery:
    """All writes and reads of one adapter, whose messages go out by ``publish``."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._confirmations = Confirmations()
        self._questions = Questions()
        # When each write began that waits for its confirmation: what was measured before says nothing of it.
        self._began: dict[tuple[str, str], float] = {}

    def ask_for_resources(self, uid: str) -> asyncio.Future[bool]:
        """Have the node say what it offers; whether the MQTT broker took the question. Raises BadTopic."""
        return self._publish(discover_topic(uid), b"resources")

    def ask_for_values(self, uid: str) -> asyncio.Future[bool]:
        """Have the node report all its values; likewise."""
        return self._publish(discover_topic(uid), b"values")

    async def write(self, uid: str, resource: str, data: JSON) -> None:
        """Publish ``data`` and wait until the device itself reports it. Raises WriteFailed. Takes CONFIRM_S at most."""
        try:
            topic, payload = write_topic(uid, resource), encode_data(data)
        except (BadTopic, CannotSay) as error:
            raise WriteFailed("unsupported", str(error)) from None
        key, began = (uid, resource), asyncio.get_running_loop().time()
        confirmed = asyncio.Event()
        with self._confirmations.expecting(uid, resource, data, confirmed.set) as expectation:
            self._began[key] = began
            acknowledged = self._publish(topic, payload)
            if acknowledged.done():
                raise WriteFailed("offline", "the MQTT broker takes no more messages")
            try:
                async with asyncio.timeout(CONFIRM_S):
                    if not await acknowledged and not confirmed.is_set():
                        raise WriteFailed("timeout", "the MQTT broker was lost before it confirmed to have the command")
                    await confirmed.wait()
            except TimeoutError:
                failure = expectation.failure()
                if failure.code == "timeout":
                    if acknowledged.cancelled():
                        failure = WriteFailed("timeout", f"the MQTT broker did not take it within {CONFIRM_S:g} s")
                    else:
                        failure = WriteFailed("timeout", f"the MQTT broker has it, but {failure.reason}")
                raise failure from None
            finally:
                if self._began.get(key) == began:
                    del self._began[key]

    async def read(self, uid: str, resource: str) -> None:
        """Ask for the values, and wait until this one is reported. Raises WriteFailed. Takes REPORT_S at most."""
        try:
            write_topic(uid, resource)  # what has none has no values either
        except BadTopic as error:
            raise WriteFailed("unsupported", str(error)) from None
        reported = asyncio.Event()
        now = asyncio.get_running_loop().time()
        with self._questions.waiting(uid, resource, now, reported.set) as is_to_be_asked:
            asked = self.ask_for_values(uid) if is_to_be_asked else None
            try:
                async with asyncio.timeout(REPORT_S):
                    if asked is not None and not await asked and not reported.is_set():
                        raise WriteFailed("offline", "the MQTT broker did not take the question")
                    await reported.wait()
            except TimeoutError:
                raise WriteFailed("timeout", f"the device did not report {resource} within {REPORT_S:g} s") from None

    def reported(self, uid: str, resource: str, data: JSON, age_ms: int) -> None:
        """The device reported a value, measured ``age_ms`` ago, and the gateway has taken it."""
        if self._questions:
            self._questions.reported(uid, resource)
        if self._confirmations:
            began = self._began.get((uid, resource))
            if began is not None and asyncio.get_running_loop().time() - age_ms / 1000 >= began:
                self._confirmations.reported(uid, resource, data)
