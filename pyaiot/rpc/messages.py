# SPDX-License-Identifier: BSD-3-Clause
"""Messages of JSON-RPC, as ``decoding`` gives them. Pure.

2.0 is https://www.jsonrpc.org/specification; 1.0 is a message without ``"jsonrpc"``, whose notifications have the id
null, whose answers have ``result`` and ``error`` both, and which knows neither batches nor parameters by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from pyaiot.rpc.errors import RpcError
from pyaiot.wire import codec
from pyaiot.wire.messages import JSON

Version = Literal[1, 2]
Id: TypeAlias = JSON  # str, int, float or None; whatever JSON has in 1.0
Params: TypeAlias = "list[JSON] | dict[str, JSON] | None"

#: Entries of a batch.
MAX_BATCH: Final = 100
#: How deep a message may be nested, unless its reader says otherwise; and how much of that is the message's own.
MAX_DEPTH: Final = codec.MAX_DEPTH
ENVELOPE_DEPTH: Final = 2


class Request(msgspec.Struct, frozen=True, gc=False):
    """Wants an answer with its ``id``."""

    id: Id
    method: str
    params: Params
    version: Version


class Notification(msgspec.Struct, frozen=True, gc=False):
    """Wants none."""

    method: str
    params: Params
    version: Version


class Response(msgspec.Struct, frozen=True):
    """The answer to our request ``id``: ``error`` if it failed, else ``result`` as JSON, not read yet."""

    id: Id
    result: msgspec.Raw | None
    error: RpcError | None
    version: Version


class Invalid(msgspec.Struct, frozen=True):
    """What is none of these. ``is_response``: it wanted to be the answer to ``id``: none is given to it."""

    id: Id
    error: RpcError
    version: Version
    is_response: bool = False


Message: TypeAlias = Request | Notification | Response | Invalid


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one text held: its messages in order, and whether they came as a batch, to be answered as one."""

    items: list[Message]
    is_batch: bool
