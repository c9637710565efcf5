# SPDX-License-Identifier: BSD-3-Clause
"""The words between a board and its gateway (PROTOCOL.md sections 1.2 and 1.3). Pure; JSON is here and nowhere else."""

import json

from micropython import const

#: The longest value, as JSON, that is kept and sent, in bytes.
MAX_VALUE = const(512)
#: An age below this is not worth telling, in ms: the value has just been measured.
_FRESH_MS = const(1000)
_MAX_DEPTH = const(8)
_MAX_INTEGER = 1 << 53
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
#: Words that mean something else in the place of a resource's name.
_RESERVED = ("resources", "out")
#: What :func:`read_request` finds.
DISCOVER = "discover"


def check_name(text):
    """``text``, if it can be the id of a node. Raises ValueError."""
    if not isinstance(text, str) or not 1 <= len(text) <= 64 or any(each not in _LETTERS for each in text):
        raise ValueError("%r is no name: 1 to 64 of A-Z a-z 0-9 . _ : -" % (text,))
    return text


def check_resource(text):
    """``text``, if it can be the name of a resource. Raises ValueError."""
    if text in _RESERVED:
        raise ValueError("%r is a word of the protocol; choose another name" % (text,))
    return check_name(text)


def encode_value(value):
    """``value`` as JSON text. Raises ValueError: not JSON (None, bytes, NaN …), or longer than MAX_VALUE."""
    if value is None or not _is_json(value, 0):
        raise ValueError("%r is no value: give a number, text, True, False, or a list or dict of them" % (value,))
    text = json.dumps(value)
    if len(text.encode()) > MAX_VALUE:
        raise ValueError("a value is longer than %d bytes" % MAX_VALUE)
    return text


def value_message(text, unit, age):
    """MQTT: a value (as JSON text), its unit or None, and how long ago it was measured, in ms."""
    if unit is not None:
        text = '%s, "unit": %s' % (text, json.dumps(unit))
    if age >= _FRESH_MS:
        text = '%s, "age": %d' % (text, age)
    return ('{"value": %s}' % text).encode()


def update_message(uid, resource, text, unit, age):
    """WebSocket: the same; ``uid`` is the node's id in the first message, else None."""
    tail = "" if uid is None else ', "uid": "%s"' % uid
    if unit is not None:
        tail = '%s, "units": {"%s": %s}' % (tail, resource, json.dumps(unit))
    if age >= _FRESH_MS:
        tail = '%s, "age": %d' % (tail, age)
    return ('{"type": "update", "data": {"%s": %s}%s}' % (resource, text, tail)).encode()


def check_message(uid):
    """MQTT: the node is there."""
    return ('{"id": "%s"}' % uid).encode()


def resources_message(names):
    """MQTT: what the node has."""
    return json.dumps(names).encode()


def read_written(payload):
    """MQTT: the value that shall be written: a number, boolean, list or dict where it reads as one, else text.

    NUL bytes at the end are ignored. Raises ValueError: no UTF-8.
    """
    try:
        text = str(payload, "utf-8")
    except ValueError:
        raise ValueError("not UTF-8")
    return _read_text(text.rstrip("\0"))


def read_request(payload):
    """WebSocket: DISCOVER, or (resource, value) for a write. Raises ValueError."""
    try:
        said = json.loads(str(payload, "utf-8"))
    except (ValueError, RuntimeError):  # RuntimeError: too deep for this interpreter
        raise ValueError("not JSON")
    if isinstance(said, dict):
        if said.get("request") == DISCOVER:
            return DISCOVER
        resource = said.get("endpoint")
        if isinstance(resource, str) and "payload" in said:
            value = said["payload"]
            return resource, _read_text(value) if isinstance(value, str) else value
    raise ValueError("neither a request to discover nor a write")


def _read_text(text):
    first = text[:1]
    padded = first == "0" and text[1:2].isdigit()  # 007 is a text
    if first and first in '-0123456789tf[{"' and not padded:
        try:
            value = json.loads(text)
        except (ValueError, RuntimeError):
            return text
        if _is_json(value, 0):
            return value
    return text


def _is_json(value, depth):
    if value is None or isinstance(value, (bool, str)):
        return True
    if isinstance(value, int):
        return -_MAX_INTEGER < value < _MAX_INTEGER
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor NaN
    if depth < _MAX_DEPTH:
        if isinstance(value, (list, tuple)):
            return all(_is_json(each, depth + 1) for each in value)
        if isinstance(value, dict):
            return all(isinstance(key, str) and _is_json(each, depth + 1) for key, each in value.items())
    return False
