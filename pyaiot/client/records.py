# SPDX-License-Identifier: BSD-3-Clause
"""What the broker answers, as types (PROTOCOL.md section 3.5). Pure. Times are Unix milliseconds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import JSON, About, Door


class Reading(msgspec.Struct, frozen=True):
    """A value of a resource: as the device gave it, as it was read, its unit (RFC 8428), and when."""

    data: JSON
    value: JSON
    at: int
    unit: str | None = None


class NodeInfo(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A node with its values; ``state`` is ``online``, ``unreachable``, or ``gone``, and then ``why`` is told.

    ``interval`` is how often it usually shows itself, ``timeout`` the silence after which it is out, both in ms;
    ``about`` what its resources are.
    """

    uid: str
    gateway: str
    protocol: str
    state: str
    first_seen: int
    last_seen: int
    values: dict[str, Reading]
    interval: int | None = None
    timeout: int | None = None
    about: dict[str, About] = {}
    why: str | None = None
    gone_at: int | None = None


class GatewayInfo(msgspec.Struct, frozen=True):
    """A gateway: ``connected``, ``resyncing`` or ``away``; by its doors devices come in, at ``address``.

    ``address`` is None where that is the broker's own host.
    """

    gateway: str
    state: str
    nodes: int
    doors: list[Door]
    address: str | None = None


class EntityInfo(msgspec.Struct, frozen=True):
    """An entity; ``kind`` is ``peer`` or ``device``. What follows it is told of a single one only."""

    id: str
    type: str
    kind: str
    uid: str | None = None
    description: str | None = None
    methods: list[dict[str, JSON]] = []
    topics: list[str] = []
    subscribers: int = 0


class Registration(msgspec.Struct, frozen=True):
    """What we are: ``id``, the ``uid`` of the node that shows what we publish, the ``token`` that makes the id ours."""

    id: str
    uid: str
    token: str


def described(name: str, function: Callable[..., Any]) -> dict[str, JSON]:
    """A method as ``entities.register`` takes it: its docstring's first lines, its annotations."""
    method = Method.of(name, function)
    told: dict[str, JSON] = {"name": name}
    words = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    if words:
        told["description"] = words
    told["params"] = [{"name": each.name, "required": each.required, **_typed(each.type)} for each in method.parameters]
    result = _typed(method.result)
    if result:
        told["result"] = result
    return told


def _typed(annotation: Any) -> dict[str, JSON]:
    """``{"type": …}`` of JSON Schema, where that is one word."""
    try:
        named = msgspec.json.schema(annotation).get("type")
    except (TypeError, ValueError):
        named = None
    return {"type": named} if isinstance(named, str) else {}
