# SPDX-License-Identifier: BSD-3-Clause
"""What one subscriber is sent: a window of unacknowledged messages, and a bounded queue behind it. Pure.

MQTT 3.1.1 has no retransmission within a connection (section 4.4): what is in flight is only counted.
"""

from __future__ import annotations

from collections import deque

from pyaiot.mqtt_broker import packets

#: Messages at QoS 1 that a subscriber has not acknowledged.
WINDOW = 256
#: What a waiting message costs beside its text.
OVERHEAD_BYTES = 200


class Delivery:
    """Messages on their way to a subscriber. What is returned is to be written, in this order."""

    def __init__(self) -> None:
        self.waiting_bytes = 0
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._in_flight: set[int] = set()
        self._last_id = 0

    def __len__(self) -> int:
        """Messages that the subscriber has not acknowledged, or not been sent yet."""
        return len(self._waiting) + len(self._in_flight)

    def offer(self, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> bytes:
        """The PUBLISH to write now; nothing when it must wait for acknowledgements."""
        if not qos:
            return packets.publish(topic, payload, retain=retain)
        if len(self._in_flight) >= WINDOW:
            self._waiting.append((topic, payload, retain))
            self.waiting_bytes += len(topic) + len(payload) + OVERHEAD_BYTES
            return b""
        return self._send(topic, payload, retain)

    def acknowledged(self, packet_id: int) -> bytes | None:
        """PUBACK came; the PUBLISH that may go instead, if any. None: that id is not in flight, and nothing changes."""
        if packet_id not in self._in_flight:
            return None
        self._in_flight.discard(packet_id)
        if not self._waiting:
            return b""
        topic, payload, retain = self._waiting.popleft()
        self.waiting_bytes -= len(topic) + len(payload) + OVERHEAD_BYTES
        return self._send(topic, payload, retain)

    def _send(self, topic: str, payload: bytes, retain: bool) -> bytes:
        packet_id = self._last_id % 65_535 + 1
        while packet_id in self._in_flight:
            packet_id = packet_id % 65_535 + 1
        self._last_id = packet_id
        self._in_flight.add(packet_id)
        return packets.publish(topic, payload, qos=1, packet_id=packet_id, retain=retain)
