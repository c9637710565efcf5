# SPDX-License-Identifier: BSD-3-Clause
"""All methods of the broker in one table, and how a call of one is served (PROTOCOL.md section 3.5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, cast

import msgspec

from pyaiot import __version__
from pyaiot.broker.authorisation import Action
from pyaiot.broker.hub import Hub
from pyaiot.broker.rpc import departed_methods, gateway_methods, watch_methods
from pyaiot.broker.rpc.caller import Caller, Ending, Later
from pyaiot.broker.rpc.entity_methods import EntityMethods
from pyaiot.broker.rpc.nodes import Nodes
from pyaiot.keys import Role
from pyaiot.rpc.conversation import Call, Conversation
from pyaiot.rpc.encoding import encode_value
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.methods import Method, MethodTable
from pyaiot.rpc.openrpc import describe
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.broker")

#: Characters of a token; ours have 43.
MAX_TOKEN: Final = 256
#: What may be called by who has not shown yet that it may anything.
OPEN_METHODS: Final = frozenset(("session.authenticate", "rpc.discover"))


class Authenticated(msgspec.Struct):
    """What the token allows."""

    role: Role


class Api:
    """The methods of one broker; ``entities`` are those of entities. ``document`` is its OpenRPC document, encoded."""

    def __init__(self, hub: Hub) -> None:
        nodes = Nodes(hub)
        self.entities = EntityMethods(hub, nodes.call)
        self.table = MethodTable(
            (
                *_own_methods(self),
                *nodes.methods(),
                *watch_methods.methods(hub),
                *departed_methods.methods(hub),
                *gateway_methods.methods(hub),
                *self.entities.methods(),
            )
        )
        self.document = encode_value(describe(self.table, title="pyaiot broker", version=__version__))

    def serve(
        self, conversation: Conversation, call: Call, caller: Caller, has_room: Callable[[], bool] = lambda: True
    ) -> None:
        """Carry out ``call``; it is answered now or later, once. Raises nothing.

        A late answer for which the caller has no room any more is replaced by a short one.
        """
        try:
            result = self._call(call, caller)
            if type(result) is Later:
                result.when_ended(partial(_end, conversation, call, has_room))
            else:
                conversation.answer(call, result)
        except RpcError as error:
            conversation.refuse(call, error)
        except Exception:
            log.exception("%s: fault in %s; please report it", caller.name, call.method)
            conversation.refuse(call, RpcError.internal())

    def _call(self, call: Call, caller: Caller) -> Any:
        if caller.role is None and call.method not in OPEN_METHODS:
            raise RpcError.of("forbidden", "a valid token is needed: call session.authenticate first")
        method = self.table.find(call.method)
        if method.needs is not None and not caller.may(cast("Action", method.needs)):
            raise RpcError.of("forbidden", "this token may only read")
        return method.call(call.params, caller)


def _end(conversation: Conversation, call: Call, has_room: Callable[[], bool], ending: Ending) -> None:
    if isinstance(ending, RpcError):
        conversation.refuse(call, ending)
    elif not has_room():
        conversation.refuse(call, RpcError.of("timeout", "it was answered, but too much waits for you to be read"))
    else:
        conversation.answer(call, ending)


def _own_methods(api: Api) -> list[Method]:
    def authenticate(caller: Caller, token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN)]) -> Authenticated:
        """Show a token, where no header of the connection could carry it."""
        caller.need_session()
        assert caller.authenticate is not None
        role = caller.authenticate(token)
        if role is None:
            raise RpcError.of("forbidden", "this is no valid token (aiot-generate-keys --client)")
        return Authenticated(role)

    def discover() -> dict[str, JSON]:
        """All methods, as an OpenRPC document."""
        return msgspec.Raw(api.document)  # type: ignore[return-value]

    return [Method.of("session.authenticate", authenticate), Method.reserved("rpc.discover", discover)]
