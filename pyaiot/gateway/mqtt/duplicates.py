# SPDX-License-Identifier: BSD-3-Clause
"""What was reported already, in case that the MQTT broker sends it again (MQTT 3.1.1 section 4.3.2). Pure.

An acknowledgement that is lost with the connection has the MQTT broker send the message again, marked DUP and with the
same packet id, when the session goes on.
"""

from __future__ import annotations

#: How many messages are remembered, at least; at most twice as many. More than an MQTT broker has sent without an
#: acknowledgement (Mosquitto: 20, unless max_inflight_messages says otherwise).
REMEMBERED = 8_192


class Duplicates:
    """The last messages by packet id. A digest tells them from others that have had the same packet id since."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, packet_id: int, topic: str, payload: bytes | None) -> None:
        """The message has been reported, or refused."""
        young = self._young
        if len(young) >= self._remembered:
            self._old, self._young = young, {}
            young = self._young
        young[packet_id] = hash((topic, payload))

    def __contains__(self, message: tuple[int, str, bytes | None]) -> bool:
        """Whether (packet id, topic, payload) is one of those. Ask only for what is marked DUP."""
        packet_id, topic, payload = message
        digest = self._young.get(packet_id)
        if digest is None:
            digest = self._old.get(packet_id)
        return digest == hash((topic, payload))

    def clear(self) -> None:
        """The session is new: packet ids begin anew."""
        self._young.clear()
        self._old.clear()
