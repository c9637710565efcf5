# SPDX-License-Identifier: BSD-3-Clause
"""Who may publish and subscribe to what (PROTOCOL.md section 1.2.1). Pure.

============  =============================================  ==================================================
role          publishes                                      subscribes
============  =============================================  ==================================================
``device``    ``node/check`` with its own id as payload,     ``gateway/<own id>/#``, ``gateway/check``,
              ``node/<own id>/#``                            ``gateway/state``
``anyone``    the same for every id                          the same for every id
``gateway``   ``gateway/#``; retained: ``gateway/state``     ``node/#``, ``gateway/#``
============  =============================================  ==================================================

A filter with wildcards is allowed where everything that it can match is. Topics that begin with ``$`` are nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyaiot.mqtt_check import BadPayload, parse_check
from pyaiot.wire.names import is_name

CHECK = "node/check"
STATE = "gateway/state"
#: Topics of all devices.
SHARED = ("gateway/check", STATE)
#: The longest payload of ``node/check``.
MAX_CHECK_BYTES = 512

Role = Literal["device", "gateway", "anyone"]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has logged in; ``user`` is empty for those who did without."""

    user: str
    role: Role

    def __str__(self) -> str:
        return f"{self.role} {self.user}" if self.user else "a client without a name"


def may_publish(account: Account, topic: str, payload: bytes) -> bool:
    """Whether ``account`` may publish ``payload`` to ``topic``, also as its will."""
    if account.role == "gateway":
        return topic.startswith("gateway/")
    if topic == CHECK:
        return account.role == "anyone" or id_in_check(payload) == account.user
    first, _, rest = topic.partition("/")
    own, slash, _ = rest.partition("/")
    return first == "node" and slash == "/" and (own == account.user if account.role == "device" else is_name(own))


def may_retain(account: Account, topic: str) -> bool:
    """Whether what ``account`` publishes to ``topic`` may be kept for later subscribers."""
    return account.role == "gateway" and topic == STATE


def may_subscribe(account: Account, topic_filter: str) -> bool:
    """Whether ``account`` may see all that ``topic_filter`` matches."""
    if account.role == "gateway":
        return topic_filter.startswith(("node/", "gateway/"))
    if account.role == "anyone":
        return topic_filter.startswith("gateway/")
    return topic_filter in SHARED or topic_filter.startswith(f"gateway/{account.user}/")


def id_in_check(payload: bytes) -> str | None:
    """The id that the gateway would read in a payload of ``node/check``; None where it would read none."""
    if len(payload) > MAX_CHECK_BYTES:
        return None
    try:
        return parse_check(payload)
    except BadPayload:
        return None
