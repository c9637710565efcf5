# SPDX-License-Identifier: BSD-3-Clause
"""Messages of JSON-RPC, written as JSON, each in the version that its reader speaks. Pure."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.messages import Id, Version
from pyaiot.wire.messages import JSON

_encode = msgspec.json.Encoder().encode


def encode_value(value: JSON) -> bytes:
    """Any value as JSON; a msgspec.Raw as it is. Raises TypeError or ValueError for what JSON cannot say."""
    return bytes(value) if type(value) is msgspec.Raw else _encode(value)


def encode_request(id: Id, method: str, params: JSON, version: Version = 2) -> bytes:
    """``params``: list, dict, None or encoded (bytes). In 1.0 an object is the one parameter."""
    if version == 2:
        given = b"" if params is None else b',"params":' + _encoded(params)
        return b'{"jsonrpc":"2.0","method":%b%b,"id":%b}' % (_encode(method), given, _encode(id))
    return b'{"method":%b,"params":%b,"id":%b}' % (_encode(method), _positional(params), _encode(id))


def encode_notification(method: str, params: JSON, version: Version = 2) -> bytes:
    """As :func:`encode_request`, without an id."""
    if version == 2:
        given = b"" if params is None else b',"params":' + _encoded(params)
        return b'{"jsonrpc":"2.0","method":%b%b}' % (_encode(method), given)
    return b'{"method":%b,"params":%b,"id":null}' % (_encode(method), _positional(params))


def encode_result(id: Id, result: JSON, version: Version = 2) -> bytes:
    """``result``: any JSON, or a msgspec.Raw that is sent on as it came."""
    if version == 2:
        return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (encode_value(result), _encode(id))
    return b'{"result":%b,"error":null,"id":%b}' % (encode_value(result), _encode(id))


def encode_error(id: Id, error: RpcError, version: Version = 2) -> bytes:
    """``id`` is None where that of the request could not be read."""
    if version == 1 and error.original is not UNSET:
        return b'{"result":null,"error":%b,"id":%b}' % (_encode(error.original), _encode(id))
    told = {"code": error.code, "message": error.message}
    if error.data is not UNSET:
        told["data"] = error.data
    if version == 2:
        return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (_encode(told), _encode(id))
    return b'{"result":null,"error":%b,"id":%b}' % (_encode(told), _encode(id))


def join_batch(answers: list[bytes]) -> bytes:
    """The one answer to a batch."""
    return b"[" + b",".join(answers) + b"]"


def _encoded(params: JSON) -> bytes:
    return params if isinstance(params, bytes) else encode_value(params)


def _positional(params: JSON) -> bytes:
    if params is None:
        return b"[]"
    encoded = _encoded(params)
    return encoded if encoded[:1] == b"[" else b"[" + encoded + b"]"
