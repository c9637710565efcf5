# SPDX-License-Identifier: BSD-3-Clause
"""What is told of a node besides its values: what its resources are, and how its liveness is judged.

Pure. The broker says in its welcome what it takes (PROTOCOL.md section 2.2); everything is told in each session anew.
"""

from __future__ import annotations

import msgspec

from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.nodes.node import Node
from pyaiot.wire.codec import check_value, encode, encode_described
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import ABOUT, LIVENESS, MAX_ABOUT_BYTES, About, Pace

#: A node's pace is told again when it has changed by more than this share, and not more often than so.
PACE_CHANGE = 0.25
PACE_REST_S = 10.0
#: What is said of a resource when nothing is known of it any more.
NOTHING_KNOWN = b"{}"

_abouts = msgspec.json.Decoder(About)


def encode_about(about: About) -> bytes:
    """``about`` as the link wants it, empty where nothing is known; raises Malformed where it keeps to no bound."""
    try:
        # Types do not bind who makes one in Python: what the broker would refuse has to be found here.
        proper = _abouts.decode(encode(about))
        check_value(list(proper.choices or ()))
        encoded = encode(proper)
    except msgspec.ValidationError:
        raise Malformed("what is said of a resource is not of the types and lengths that it has to be") from None
    except (UnicodeError, TypeError, ValueError):
        raise Malformed("what is said of a resource is no proper text") from None
    if len(encoded) > MAX_ABOUT_BYTES:
        raise Malformed(f"what is said of a resource has at most {MAX_ABOUT_BYTES} bytes")
    return b"" if encoded == NOTHING_KNOWN else encoded


class Details:
    """``tells_timeout``: silence ends a node; not so where its connection tells that it is gone."""

    def __init__(self, outbox: Outbox, *, tells_timeout: bool) -> None:
        self._outbox = outbox
        self._tells_timeout = tells_timeout
        self._about = self._pace = False

    def session_began(self, features: frozenset[str]) -> None:
        """This broker takes ``features`` besides; all nodes are told to it from here on."""
        self._about, self._pace = ABOUT in features, LIVENESS in features

    def session_ended(self) -> None:
        """What the next broker takes, it will say."""
        self._about = self._pace = False

    def tell_node(self, node: Node) -> None:
        """Behind the node's ``new``: all that is known."""
        if self._pace:
            self._tell_pace(node, node.last_seen)
        if self._about:
            for resource, about in node.abouts.items():
                self.tell_about(node, resource, about)

    def tell_about(self, node: Node, resource: str, about: bytes) -> None:
        """A resource was described, or (empty) is not any more."""
        if self._about:
            self._outbox.append(encode_described(node.uid, resource, about or NOTHING_KNOWN), Kind.DETAIL)

    def tell_pace(self, node: Node, now: float) -> None:
        """The node's time-out or interval may have changed: tell it where that is news."""
        if not self._pace:
            return
        first = not node.told_interval_s and node.rhythm.interval_s is not None
        if first or (
            now - node.told_pace_at >= PACE_REST_S
            and (
                _differs(node.rhythm.interval_s or 0.0, node.told_interval_s)
                or (self._tells_timeout and _differs(node.timeout_s, node.told_timeout_s))
            )
        ):
            self._tell_pace(node, now)

    def _tell_pace(self, node: Node, now: float) -> None:
        interval_s = node.rhythm.interval_s
        node.told_pace_at, node.told_timeout_s, node.told_interval_s = now, node.timeout_s, interval_s or 0.0
        pace = Pace(
            uid=node.uid,
            timeout_ms=round(node.timeout_s * 1000) if self._tells_timeout else None,
            interval_ms=None if interval_s is None else round(interval_s * 1000),
        )
        if pace.timeout_ms is not None or pace.interval_ms is not None:
            self._outbox.append(encode(pace), Kind.DETAIL)


def _differs(value_s: float, told_s: float) -> bool:
    return abs(value_s - told_s) > PACE_CHANGE * told_s
