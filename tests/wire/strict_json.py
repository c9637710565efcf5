# SPDX-License-Identifier: BSD-3-Clause
"""A straightforward reference for what PROTOCOL.md allows as JSON: slow, plain, and no line in common with pyaiot."""

from __future__ import annotations

import json
import math
import re
from typing import Any

LIMIT = 2**53


class NotOurs(Exception):
    """The JSON is not what PROTOCOL.md describes."""


def read(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no key twice, no NaN, nothing infinite, integers below 2^53, depth 16, whole characters."""
    try:
        tree = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError):
        raise NotOurs from None
    _check(tree, 16)
    return tree


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise NotOurs
    return dict(pairs)


def _refuse(_: str) -> Any:
    raise NotOurs


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise NotOurs
    return int(digits)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise NotOurs
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NotOurs
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= LIMIT:
            raise NotOurs
    elif isinstance(value, dict | list):
        if depth == 0:
            raise NotOurs
        if isinstance(value, dict):
            for name in value:
                _check(name, depth)
            value = list(value.values())
        for item in value:
            _check(item, depth - 1)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


# Kinds of fields


def count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LIMIT


def text(limit: int) -> Any:
    return lambda value: type(value) is str and len(value) <= limit


def anything(value: Any) -> bool:
    return _depth(value) <= 12


def texts(limit: int, most: int = 1_000_000) -> Any:
    return lambda value: type(value) is list and len(value) <= most and all(map(text(limit), value))


def boolean(value: Any) -> bool:
    return type(value) is bool


def one_of(*words: str) -> Any:
    return lambda value: type(value) is str and value in words


#: By type: the fields that must be there, and those that may.
GATEWAY: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "new": ({"uid": text(64), "protocol": text(64), "at": count}, {}),
    "update": (
        {"uid": text(64), "endpoint": text(64), "data": anything, "value": anything, "at": count},
        {"unit": text(64)},
    ),
    "reset": ({"uid": text(64), "at": count}, {}),
    "out": ({"uid": text(64), "why": one_of("timeout", "closed", "deregistered"), "at": count}, {}),
    "seen": ({"uid": text(64), "at": count}, {}),
    "sync": ({"uids": texts(64)}, {"more": boolean}),
    "result": ({"id": count, "ok": boolean}, {"code": text(64), "reason": text(512)}),
}
BROKER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "write": ({"id": count, "uid": text(64), "endpoint": text(64), "data": anything, "ttl": count}, {}),
    "refused": ({"uid": text(64), "reason": text(512)}, {}),
}
CLIENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "new": ({}, {"token": text(256), "features": texts(64, 16)}),
    "update": (
        {
            "data": lambda data: (
                type(data) is dict
                and set(data) == {"uid", "endpoint", "payload"}
                and text(129)(data["uid"])
                and text(65)(data["endpoint"])
                and anything(data["payload"])
            )
        },
        {"id": lambda id: id is None or type(id) is int or text(64)(id)},
    ),
}


def _fits(message: Any, kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> bool:
    if type(message) is not dict or type(message.get("type")) is not str or message["type"] not in kinds:
        return False
    needed, possible = kinds[message["type"]]
    return all(name in message and fits(message[name]) for name, fits in needed.items()) and all(
        fits(message[name]) for name, fits in possible.items() if name in message
    )


def is_gateway_frame(raw: bytes) -> bool:
    """Whether a broker takes it."""
    try:
        frame = read(raw)
    except NotOurs:
        return False
    return (
        type(frame) is dict
        and count(frame.get("first"))
        and frame["first"] >= 1
        and type(frame.get("messages")) is list
        and all(_fits(message, GATEWAY) for message in frame["messages"])
    )


def is_broker_frame(raw: bytes) -> bool:
    """Whether a gateway takes it."""
    try:
        frame = read(raw)
    except NotOurs:
        return False
    return (
        type(frame) is dict
        and (frame.get("ack") is None or count(frame["ack"]))
        and type(frame.get("messages", [])) is list
        and all(_fits(message, BROKER) for message in frame.get("messages", []))
    )


def is_client_message(raw: bytes) -> bool:
    """Whether the broker takes it from a client."""
    try:
        return _fits(read(raw), CLIENT)
    except NotOurs:
        return False


def is_handshake(kind: str, raw: bytes) -> bool:
    """Whether the fields of a message of the handshake are right, its base64 aside."""
    fields: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
        "hello": {"hello": ({"broker": text(64), "nonce": text(64)}, {})},
        "auth": {
            "auth": (
                {
                    "gateway": text(64),
                    "broker": text(64),
                    "nonce": text(64),
                    "epoch": lambda epoch: type(epoch) is str and re.fullmatch("[0-9a-f]{16}", epoch) is not None,
                },
                {},
            )
        },
        "welcome": {"welcome": ({"ack": count}, {})},
    }
    try:
        return _fits(read(raw), fields[kind])
    except NotOurs:
        return False
