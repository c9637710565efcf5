# SPDX-License-Identifier: BSD-3-Clause
"""The fields of which control packets of MQTT 3.1.1 are made (sections 1.5 and 4.7). Pure; lengths are in bytes."""

from __future__ import annotations

#: The longest topic and filter, and the most levels of one.
MAX_TOPIC = 256
MAX_LEVELS = 8


class BadPacket(Exception):
    """What a client may not send; ``str()`` says what it was."""


class Reader:
    """Reads the fields of a packet (section 1.5); BadPacket at its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def take(self, length: int) -> bytes:
        """So many bytes."""
        taken = self._body[self.at : self.at + length]
        if len(taken) < length:
            raise BadPacket("a packet that ends too early")
        self.at += length
        return taken

    def number(self) -> int:
        """Two bytes (section 1.5.2)."""
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        """Section 2.3.1."""
        number = self.number()
        if not number:
            raise BadPacket("packet identifier 0")
        return number

    def text(self) -> str:
        """Section 1.5.3."""
        try:
            text = self.take(self.number()).decode()
        except UnicodeDecodeError:
            raise BadPacket("a text that is not UTF-8") from None
        if "\0" in text:
            raise BadPacket("a text with a NUL in it")
        return text

    def more(self) -> bool:
        """Whether there is more."""
        return self.at < len(self._body)

    def rest(self) -> bytes:
        """All that there is."""
        return self._body[self.at :]


def text(value: str) -> bytes:
    """``value`` as a field."""
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def check_topic(topic: str) -> str:
    """``topic`` if it can be published to (section 4.7); raises BadPacket."""
    if not topic or "+" in topic or "#" in topic:
        raise BadPacket("a topic that is none")
    return _check_size(topic)


def check_filter(topic_filter: str) -> str:
    """``topic_filter`` if it can be subscribed to (section 4.7); raises BadPacket."""
    *levels, last = topic_filter.split("/")
    if not topic_filter or any("#" in level for level in levels) or ("#" in last and last != "#"):
        raise BadPacket("a filter that is none")
    if any("+" in level and level != "+" for level in (*levels, last)):
        raise BadPacket("a filter that is none")
    return _check_size(topic_filter)


def _check_size(topic: str) -> str:
    if len(topic.encode()) > MAX_TOPIC or topic.count("/") >= MAX_LEVELS:
        raise BadPacket(f"a topic of more than {MAX_TOPIC} bytes or {MAX_LEVELS} levels")
    return topic


def matches(topic: str, topic_filter: str) -> bool:
    """Whether ``topic_filter`` matches ``topic``, both of them sound (section 4.7)."""
    levels, wanted = topic.split("/"), topic_filter.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number == len(levels) or level not in ("+", levels[number]):
            return False
    return len(levels) == len(wanted)
