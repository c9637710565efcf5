# SPDX-License-Identifier: BSD-3-Clause
"""Messages of JSON-RPC, read from a text. Pure. JSON is as strict as in PROTOCOL.md section 3.2."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET

from pyaiot.rpc.errors import UNSPECIFIED, RpcError
from pyaiot.rpc.messages import (
    ENVELOPE_DEPTH,
    MAX_BATCH,
    MAX_DEPTH,
    Id,
    Invalid,
    Message,
    Notification,
    Parsed,
    Request,
    Response,
    Version,
)
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON


class _Wire(msgspec.Struct, gc=False):
    jsonrpc: Any = UNSET
    id: Any = UNSET
    method: Any = UNSET
    params: Any = UNSET
    result: msgspec.Raw | msgspec.UnsetType = UNSET
    error: Any = UNSET


class _Outline(msgspec.Struct, gc=False):
    """As much of a message as can be read whatever is in it."""

    jsonrpc: msgspec.Raw | msgspec.UnsetType = UNSET
    id: Any = None
    method: msgspec.Raw | msgspec.UnsetType = UNSET
    result: msgspec.Raw | msgspec.UnsetType = UNSET
    error: msgspec.Raw | msgspec.UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Wire)
_outlines = msgspec.json.Decoder(_Outline)
_values = msgspec.json.Decoder()
_batches = msgspec.json.Decoder(list[msgspec.Raw])
_PLAIN_IDS = frozenset((str, int, float, type(None)))


def parse(text: str | bytes, max_depth: int = MAX_DEPTH) -> Parsed:
    """Read one WebSocket message or HTTP body, each message in it nested at most ``max_depth`` deep.

    Never raises: what cannot be read is an Invalid.
    """
    try:
        raw = text if isinstance(text, bytes) else text.encode()
    except UnicodeEncodeError:
        return Parsed([_unreadable("not UTF-8")], False)
    if raw.lstrip(b" \t\r\n")[:1] != b"[":
        return Parsed([_parse_one(raw, max_depth, in_batch=False)], False)
    try:
        entries = _batches.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Parsed([_unreadable("not JSON")], False)
    if not entries:
        return Parsed([_invalid("the batch is empty")], False)
    if len(entries) > MAX_BATCH:
        return Parsed([_invalid(f"a batch has at most {MAX_BATCH} entries")], False)
    return Parsed([_parse_one(bytes(entry), max_depth, in_batch=True) for entry in entries], True)


def read_result(result: msgspec.Raw) -> JSON:
    """The value of a Response's ``result``."""
    return _values.decode(result)


def _unreadable(why: str) -> Invalid:
    return Invalid(None, RpcError.parse_error(why), 2)


def _invalid(why: str, id: Id = None, version: Version = 2) -> Invalid:
    return Invalid(id, RpcError.invalid_request(why), version)


def _parse_one(raw: bytes, max_depth: int, *, in_batch: bool) -> Message:
    depth = max_depth - ENVELOPE_DEPTH
    try:
        if raw.lstrip(b" \t\r\n")[:1] != b"{":
            codec.check_value(_values.decode(raw), max_depth)
            return _invalid("it is an object")
        message = codec.decode(_decoder, raw, partial(_count_keys, depth), max_depth)
        id = message.id
        if type(id) not in _PLAIN_IDS and id is not UNSET:
            codec.check_value(id, depth)
        elif type(id) is int or type(id) is float:
            codec.check_value(id)
    except Malformed as error:
        return _unreadable_answer(raw, str(error), in_batch=in_batch) or _unreadable(str(error))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _unreadable_answer(raw, "not JSON", in_batch=in_batch) or _unreadable("not JSON")
    version: Version = 1 if message.jsonrpc is UNSET and not in_batch else 2
    if message.method is UNSET and (message.result is not UNSET or message.error is not UNSET):
        return _response(message, version)
    if version == 2:
        return _request_2(message)
    return _request_1(message)


def _unreadable_answer(raw: bytes, why: str, *, in_batch: bool) -> Invalid | None:
    """What wanted to be an answer, so that its request does not wait for another; None: nobody can tell."""
    try:
        outline = _outlines.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if outline.method is not UNSET or (outline.result is UNSET and outline.error is UNSET):
        return None
    version: Version = 1 if outline.jsonrpc is UNSET and not in_batch else 2
    id = outline.id if type(outline.id) is int else None
    return Invalid(id, RpcError.parse_error(why), version, is_response=True)


def _request_2(message: _Wire) -> Message:
    id, method, params = message.id, message.method, message.params
    if id is not UNSET and type(id) not in _PLAIN_IDS:
        return _invalid("its id is a text, a number or null")
    if message.jsonrpc != "2.0":
        return _invalid('"jsonrpc" is "2.0"', None if id is UNSET else id)
    if type(method) is not str:
        # The specification's own example answers null here, where the request has an id or not.
        return _invalid("its method is a text", None if id is UNSET else id)
    if params is UNSET:
        params = None
    elif type(params) is not list and type(params) is not dict:
        return _invalid("its params are an array or an object", None if id is UNSET else id)
    if id is UNSET:
        return Notification(method, params, 2)
    return Request(id, method, params, 2)


def _request_1(message: _Wire) -> Message:
    method, params = message.method, message.params
    id = None if message.id is UNSET else message.id
    if method is UNSET:
        return _invalid("it has a method", id, 2)  # not even 1.0: answered as 2.0 wants it
    if type(method) is not str:
        return _invalid("its method is a text", id, 1)
    if params is UNSET:
        params = None
    elif type(params) is not list:
        return _invalid('without "jsonrpc" it is JSON-RPC 1.0, where params are an array', id, 1)
    return Notification(method, params, 1) if id is None else Request(id, method, params, 1)


def _response(message: _Wire, version: Version) -> Response | Invalid:
    id = None if message.id is UNSET else message.id
    error, result = message.error, message.result
    if version == 1:
        if error is not None and error is not UNSET:
            return Response(id, None, _error_1(error), 1)
        if result is not UNSET:
            return Response(id, result, None, 1)
    elif message.jsonrpc == "2.0" and (error is UNSET) != (result is UNSET) and message.id is not UNSET:
        if result is not UNSET:
            return Response(id, result, None, 2)
        told = _read_error(error)
        if told is not None:
            return Response(id, None, told, 2)
    why = RpcError.invalid_request("an answer has an id, and either a result or an error")
    return Invalid(id, why, version, is_response=True)


def _read_error(error: JSON) -> RpcError | None:
    if not isinstance(error, dict):
        return None
    code, text = error.get("code"), error.get("message")
    if type(code) is not int or type(text) is not str:
        return None
    return RpcError(code, text, error.get("data", UNSET))


def _error_1(error: JSON) -> RpcError:
    """1.0 does not say what an error is: a text at most peers."""
    told = _read_error(error)
    if told is not None:
        return told
    return RpcError(UNSPECIFIED, error if isinstance(error, str) else "the peer answered with an error", error, error)


def _count_keys(depth: int, message: _Wire) -> int:
    """See codec.decode. Also where the values are checked. Raises Malformed."""
    keys = 0
    if message.jsonrpc is not UNSET:
        keys += 1
        _check_scalar(message.jsonrpc, depth)
    if message.id is not UNSET:
        keys += 1
    if message.method is not UNSET:
        keys += 1
        _check_scalar(message.method, depth)
    if message.params is not UNSET:
        keys += 1 + codec.check_value(message.params, depth)
    if message.error is not UNSET:
        keys += 1 + codec.check_value(message.error, depth)
    if message.result is not UNSET:
        # Read once to be judged; whoever relays it sends on what came.
        keys += 1 + codec.check_value(_values.decode(message.result), depth)
    return keys


def _check_scalar(value: JSON, depth: int) -> None:
    if type(value) is not str:
        codec.check_value(value, depth)
