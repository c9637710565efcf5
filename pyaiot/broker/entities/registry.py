# SPDX-License-Identifier: BSD-3-Clause
"""Who has registered, under which id, and with what (PROTOCOL.md section 3.5). Pure: ``now`` comes in, in seconds."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from pyaiot.broker.entities.descriptions import DEFAULT_TYPE, MethodDescription
from pyaiot.broker.entities.holders import Holders
from pyaiot.keys import token_digest
from pyaiot.rpc.errors import RpcError

#: Entities beside the devices. As many connections may have joined.
MAX_ENTITIES: Final = 2_000

M = TypeVar("M", bound=Hashable)


class Entity(Generic[M]):
    """Who registered; ``member`` is its connection, which a newer one of the same holder replaces."""

    __slots__ = ("description", "id", "is_kept", "member", "methods", "token", "type")

    def __init__(self, id: str, member: M, token: str) -> None:
        self.id = id
        self.member = member
        self.token = token
        #: Its holder has shown the token, so has it: the id stays its own when it leaves.
        self.is_kept = False
        self.type = DEFAULT_TYPE
        self.description: str | None = None
        self.methods: dict[str, MethodDescription] = {}

    def change_token(self, token: str | None) -> None:
        """Its holder showed ``token``; None: it showed none."""
        if token is not None:
            self.token = token
            self.is_kept = True


class Registry(Generic[M]):
    """All entities by id and by connection. ``new_id`` and ``new_token`` make fresh ones that nobody guesses."""

    def __init__(self, new_id: Callable[[], str], new_token: Callable[[], str]) -> None:
        self._new_id = new_id
        self._new_token = new_token
        self.entities: dict[str, Entity[M]] = {}
        self.of_member: dict[M, Entity[M]] = {}
        self.holders = Holders()

    def register(self, member: M, id: str | None, token: str | None, now: float) -> tuple[Entity[M], M | None]:
        """Who is at ``member`` takes ``id``, or a fresh one, or stays who it is and may change its token.

        The entity, and the older connection that it was taken over from, if any. Raises RpcError: ``taken``, ``busy``,
        or invalid parameters if ``member`` is another entity already.
        """
        own = self.of_member.get(member)
        if own is not None:
            if id is not None and id != own.id:
                raise RpcError.invalid_params(f"this connection is {own.id} already: entities.unregister first")
            own.change_token(token)
            return own, None
        if id is None:
            id = self._fresh_id(now)
        digest = None if token is None else token_digest(token)
        held = self.entities.get(id)
        if held is not None:
            if digest is None or not hmac.compare_digest(token_digest(held.token), digest):
                raise RpcError.of("taken", "the id is another's: only its token would take it over")
            older, held.member = held.member, member
            held.change_token(token)
            del self.of_member[older]
            self.of_member[member] = held
            return held, older
        if not self.holders.admits(id, digest, now):
            raise RpcError.of("taken", "the id is kept for its holder, who left: only its token gets it back")
        if len(self.entities) >= MAX_ENTITIES:
            raise RpcError.of("busy", f"more than {MAX_ENTITIES} entities")
        self.holders.release(id)
        entity = self.entities[id] = self.of_member[member] = Entity(id, member, self._new_token())
        entity.change_token(token)
        return entity, None

    def leave(self, member: M, now: float, *, give_up: bool = False) -> Entity[M] | None:
        """The connection ended, or wants to be no entity; which it was. ``give_up``: the id is free at once."""
        entity = self.of_member.pop(member, None)
        if entity is None:
            return None
        del self.entities[entity.id]
        if entity.is_kept and not give_up:
            self.holders.keep(entity.id, token_digest(entity.token), now)
        return entity

    def _fresh_id(self, now: float) -> str:
        while (id := self._new_id()) in self.entities or not self.holders.admits(id, None, now):
            pass
        return id
