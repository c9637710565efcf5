# SPDX-License-Identifier: BSD-3-Clause
"""What devices put into CoAP payloads (PROTOCOL.md section 1.1).

Real firmware is taken as it is: values padded with NUL to 64 bytes, GET values that start with the name of
the resource (``imu:[…]``), ``Alive`` in any case and, on old firmware, without a uid. Everything that cannot
be read raises :class:`BadPayload` and nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from pyaiot.wire.names import is_name, is_resource

#: The longest payload of a request that is read, in bytes; longer ones need Block1, which is not served.
MAX_PAYLOAD = 1024
#: The longest value that is read from a device, in bytes (over Block2).
MAX_VALUE = 64 * 1024


class BadPayload(ValueError):
    """A payload that cannot be read; ``str()`` is the reason, fit to send to the device."""


class Alive(NamedTuple):
    """The body of ``POST /alive``: who, and whether it says that it rebooted. ``text`` is it as received."""

    uid: str
    reset: bool
    text: str


class Reading(NamedTuple):
    """The body of ``POST /server``: the resource, and its value as the device gave it. ``text`` is both."""

    resource: str
    data: str
    text: str


def parse_alive(payload: bytes, host: str) -> Alive:
    """Read ``alive:<uid>`` or ``reset:<uid>``, in any case; any other word before the ``:`` counts as alive.

    The uid is the text after the last ``:``. Without a ``:`` (firmware before 2019) it is made from ``host``,
    the source address as people write it (``"fd00::1"``; a zone is dropped).
    Raises BadPayload.
    """
    text = _text(payload)
    word, colon, uid = text.rpartition(":")
    if not colon:
        word, uid = text, host.partition("%")[0]
    uid = uid.strip()
    if not is_name(uid):
        raise BadPayload("a uid is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return Alive(uid, word.strip().lower().startswith("reset"), text)


def parse_reading(payload: bytes) -> Reading:
    """Read ``<resource>:<value>``, split at the first ``:``. Raises BadPayload."""
    text = _text(payload)
    resource, colon, data = text.partition(":")
    if not colon:
        raise BadPayload("send <resource>:<value>")
    resource = resource.strip().strip("/")
    if not is_resource(resource):
        raise BadPayload("a resource is 1 to 64 characters of A-Z a-z 0-9 . _ : - with / inside")
    return Reading(resource, data, text)


def parse_value(resource: str, payload: bytes) -> str:
    """Read the answer to ``GET /<resource>``: text, without the padding and without a leading ``<resource>:``.

    Raises BadPayload: it is longer than 64 KiB or no UTF-8.
    """
    if len(payload) > MAX_VALUE:
        raise BadPayload(f"the value is longer than {MAX_VALUE} bytes")
    text = _text(payload, MAX_VALUE)
    prefix = resource.rpartition("/")[2] + ":"
    return text.removeprefix(prefix)


def _text(payload: bytes, limit: int = MAX_PAYLOAD) -> str:
    if len(payload) > limit:
        raise BadPayload(f"the payload is longer than {limit} bytes")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise BadPayload("the payload is not UTF-8") from None
    return text.rstrip("\0") if text[-1:] == "\0" else text
