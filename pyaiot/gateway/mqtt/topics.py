# SPDX-License-Identifier: BSD-3-Clause
"""Topics of devices and gateway (PROTOCOL.md section 1.2). Pure. Nothing unchecked is ever put into one."""

from __future__ import annotations

from typing import Final

from pyaiot.wire.names import is_name

#: What the gateway subscribes to, whatever the number of nodes. The second is a part of the third: it is asked for by
#: name for MQTT brokers that admit topics one by one.
SUBSCRIPTIONS: Final = ("node/check", "node/+/resources", "node/+/+")

#: Where commands are that somebody had the MQTT broker retain: each device carries them out whenever it connects.
COMMANDS: Final = "gateway/+/+/set"

#: What the gateway publishes: please check in; and, retained, whether it is there.
GATEWAY_CHECK: Final = "gateway/check"
GATEWAY_STATE: Final = "gateway/state"

#: The last level of a node's topic, where it is not the name of a resource.
RESOURCES: Final = "resources"
OUT: Final = "out"
RESERVED: Final = frozenset((RESOURCES, OUT))

#: More of a topic is not shown to anybody.
MAX_SHOWN = 160


class BadTopic(ValueError):
    """A topic that means nothing here; ``str()`` says why."""


def parse_topic(topic: str) -> tuple[str, str]:
    """``node/<id>/<resource>`` as (id, resource), neither checked; ``node/check`` as two empty texts.

    Raises BadTopic for everything else.
    """
    node, _, rest = topic.partition("/")
    uid, slash, resource = rest.partition("/")
    if node == "node":
        if slash:
            if uid and resource and "/" not in resource:
                return uid, resource
        elif uid == "check":
            return "", ""
    raise BadTopic("neither node/check nor node/<id>/<resource>")


def discover_topic(uid: str) -> str:
    """Where a node is asked for its resources or values. Raises BadTopic: it cannot have that id."""
    return f"gateway/{checked(uid)}/discover"


def write_topic(uid: str, resource: str) -> str:
    """Where a node is told a value. Raises BadTopic: a node or resource of MQTT cannot have that name."""
    if resource in RESERVED:
        raise BadTopic(f"{resource!r} is no name for a resource")
    return f"gateway/{checked(uid)}/{checked(resource)}/set"


def shown(topic: str) -> str:
    """``topic`` as a log shows it."""
    return topic if len(topic) <= MAX_SHOWN else f"{topic[:MAX_SHOWN]}…"


def checked(name: str) -> str:
    """``name`` itself. Raises BadTopic: no node or resource of MQTT can have it."""
    if not is_name(name):
        raise BadTopic(f"{shown(name)!r} is not 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return name
