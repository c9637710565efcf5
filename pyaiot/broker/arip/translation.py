# SPDX-License-Identifier: BSD-3-Clause
"""The messages of ``/arip``, as they are read from and written to clients (PROTOCOL.md section 3.6). Pure.

A client says ``{"request", "params"?, "req_id"?, …}`` and is answered ``{"result", "req_id"?}`` or
``{"error", "req_id"?}``, the ``req_id`` being what it said. JSON is as strict as in section 3.2.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.broker.entities.descriptions import MAX_TOPIC, MethodDescription, Methods, Parameter, Returned
from pyaiot.broker.entities.news import Left, News, Published, Registered
from pyaiot.rpc.errors import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON

#: What arip's server says, to the letter: clients may look for it.
NO_SUCH_METHOD: Final = "Method with the provided arguments does not exist."
NO_SUCH_CLIENT: Final = "Requested client does not exist."
WRONG_PARAMETERS: Final = "Wrong parameters."
NO_ARGUMENTS: Final = "No arguments supplied"
NO_SUCH_OBSERVER: Final = "Observer does not exist"
NOT_OBSERVING: Final = "The client is not observing this observer"
ID_IS_TAKEN: Final = "Id is taken. Try with an other Id."
#: What it never said: it went down instead.
NOT_JSON: Final = "The message is not JSON."
NO_SUCH_REQUEST: Final = "There is no such request."
NO_SUCH_CALL: Final = "Nobody waits for this result."
NO_ROOM: Final = "It was answered, but too much waits for you to be read."
#: The result of what had no answer.
DONE: Final = {"ok": True}


class Refused(Exception):
    """A request cannot be done; ``str()`` is what the client is told. ``req_id`` is UNSET where it gave none."""

    def __init__(self, why: str, req_id: JSON = UNSET) -> None:
        super().__init__(why)
        self.req_id = req_id


class Request(msgspec.Struct, frozen=True):
    """What a client wants. Members that it did not say are UNSET."""

    request: str
    params: JSON = UNSET
    req_id: JSON = UNSET
    receiver: JSON = UNSET
    content: JSON = UNSET

    def text(self) -> str:
        """The one parameter of requests that have one. Raises Refused."""
        if self.params is UNSET or self.params == []:
            raise Refused(NO_ARGUMENTS, self.req_id)
        if not isinstance(self.params, list) or not isinstance(self.params[0], str):
            raise Refused(WRONG_PARAMETERS, self.req_id)
        return self.params[0]

    def text_and_topic(self) -> tuple[str, str | None]:
        """An id and, as we have it, one topic of it. Raises Refused."""
        id = self.text()
        topic = self.params[1] if len(self.params) > 1 else None
        if topic is not None and not (isinstance(topic, str) and 1 <= len(topic) <= MAX_TOPIC):
            raise Refused(WRONG_PARAMETERS, self.req_id)
        return id, topic

    def call(self) -> tuple[str, str, list[JSON]]:
        """Receiver, method and parameters of ``call_method``. Raises Refused."""
        method = self.text()
        given = self.params[1] if len(self.params) > 1 else []
        if not isinstance(given, list) or not isinstance(self.receiver, str):
            raise Refused(WRONG_PARAMETERS, self.req_id)
        return self.receiver, method, given

    def methods(self) -> tuple[MethodDescription, ...]:
        """What ``register_methods`` offers. Raises Refused."""
        if self.params is UNSET:
            raise Refused(NO_ARGUMENTS, self.req_id)
        try:
            offered = msgspec.convert(self.params, list[_Method])
            return msgspec.convert([msgspec.to_builtins(each.described()) for each in offered], Methods)
        except msgspec.ValidationError:
            raise Refused(WRONG_PARAMETERS, self.req_id) from None


class _Parameter(msgspec.Struct):
    name: str
    type: str = ""


class _Method(msgspec.Struct, rename="camel"):
    method_name: str
    parameters: list[_Parameter] = []
    return_type: str | None = None

    def described(self) -> MethodDescription:
        params = tuple(Parameter(each.name, each.type) for each in self.parameters)
        return MethodDescription(self.method_name, params=params, result=Returned(self.return_type or UNSET))


_requests = msgspec.json.Decoder(Request)


def parse(text: str | bytes) -> Request:
    """Read one message. Raises Refused, and nothing else."""
    try:
        if isinstance(text, bytes):
            raise Malformed("text messages only")
        request = codec.decode(_requests, text.encode())
        for value in (request.params, request.content, request.req_id, request.receiver):
            if value is not UNSET:
                codec.check_value(value, codec.MAX_DEPTH - 1)
    except (Malformed, UnicodeEncodeError):
        raise Refused(NOT_JSON) from None
    if isinstance(request.req_id, list | dict):
        raise Refused(WRONG_PARAMETERS)
    return request


def describe(method: MethodDescription) -> dict[str, JSON]:
    """A method in arip's words."""
    params = () if method.params is UNSET else method.params
    returned = UNSET if method.result is UNSET else method.result.type
    return {
        "methodName": method.name,
        "parameters": [{"name": each.name, "type": "" if each.type is UNSET else each.type} for each in params],
        "returnType": "" if returned is UNSET else returned,
    }


class _Result(msgspec.Struct):
    result: JSON
    req_id: JSON | UnsetType = UNSET


class _Error(msgspec.Struct):
    error: str
    req_id: JSON | UnsetType = UNSET


class _Call(msgspec.Struct):
    params: tuple[str, list[JSON]]
    req_id: str
    receiver: str
    request: str = "call_method"


class _Publication(msgspec.Struct, omit_defaults=True):
    content: JSON
    sender: str
    topic: str | None = None
    skipped: int = 0


def encode_result(result: JSON, req_id: JSON) -> bytes:
    """The answer to a request; ``result`` may be a msgspec.Raw."""
    return codec.encode(_Result(result, req_id))


def encode_error(why: str, req_id: JSON = UNSET) -> bytes:
    """Why a request was not done."""
    return codec.encode(_Error(why, req_id))


def encode_call(method: str, params: list[JSON], req_id: str, caller: str) -> bytes:
    """Ask a client to do it; ``receiver`` is who gets the result: the caller."""
    return codec.encode(_Call((method, params), req_id, caller))


def encode_news(news: News, skipped: int = 0) -> bytes:
    """What a client is told unasked; b"" where arip does not tell that."""
    if isinstance(news, Registered):
        return codec.encode({"register": news.id})
    if isinstance(news, Left):
        return codec.encode({"unregister": news.id}) if news.was_heard else b""
    told = news if isinstance(news, Published) else news.published
    publication = codec.encode(_Publication(told.content, told.id, told.topic, skipped))
    return b'{"request":"publish",' + publication[1:]


def text_of(error: RpcError) -> str:
    """What arip's clients are told of an error of a call."""
    if error.code == METHOD_NOT_FOUND or error.code == INVALID_PARAMS:
        return NO_SUCH_METHOD
    return NO_SUCH_CLIENT if error.name == "unknown" else error.message
