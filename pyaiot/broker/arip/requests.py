# SPDX-License-Identifier: BSD-3-Clause
"""What each request of an arip client does: found by name in one table, never on an object (AR-B2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from msgspec import UNSET

from pyaiot.broker.arip import translation
from pyaiot.broker.arip.member import AripMember, Line
from pyaiot.broker.arip.translation import DONE, Refused, Request
from pyaiot.broker.entities.exchange import TIMEOUT_S, Entities
from pyaiot.broker.entities.registry import MAX_ENTITIES
from pyaiot.broker.rpc.caller import Caller, Ending, Later
from pyaiot.broker.rpc.entity_methods import EntityMethods
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import JSON

#: Entities in one answer: all that registered, and devices as far as there is room. arip knows no pages.
MAX_LISTED: Final = MAX_ENTITIES

#: There is no answer to give, now.
_NO_ANSWER: Final = object()


class Requests:
    """The requests of one client. ``malformed`` counts what was no request."""

    def __init__(
        self, entities: Entities, methods: EntityMethods, member: AripMember, caller: Caller, line: Line
    ) -> None:
        self._entities = entities
        self._methods = methods
        self._member = member
        self._caller = caller
        self._line = line
        self.malformed = 0

    def serve(self, text: str | bytes) -> None:
        """Do what one message asks for, and answer. Raises nothing but faults of ours."""
        try:
            request = translation.parse(text)
            serve = _TABLE.get(request.request)
            if serve is None:
                raise Refused(translation.NO_SUCH_REQUEST, request.req_id)
        except Refused as refused:
            self.malformed += 1
            self._line.say(translation.encode_error(str(refused), refused.req_id))
            return
        try:
            result = serve(self, request)
        except Refused as refused:
            self._line.say(translation.encode_error(str(refused), refused.req_id))
        except RpcError as error:
            self._line.say(translation.encode_error(error.message, request.req_id))
        else:
            if result is DONE and request.req_id is UNSET:
                return  # its clients expect nothing
            if result is not _NO_ANSWER:
                self._line.say(translation.encode_result(result, request.req_id))

    def _get_all_entities(self, request: Request) -> JSON:
        return [{"id": each.id, "type": each.type} for each in islice(self._peers_then_devices(), MAX_LISTED)]

    def _peers_then_devices(self) -> Iterator[Any]:
        yield from self._methods.all("peer")
        yield from self._methods.all("device")

    def _get_entity(self, request: Request) -> JSON:
        try:
            found = self._methods.get(request.text())
        except RpcError:
            raise Refused(translation.NO_SUCH_CLIENT, request.req_id) from None
        observers = (self._entities.id_of(member) for member in self._entities.subscriptions.to(found.id))
        return {
            "id": found.id,
            "type": found.type,
            "observers": sorted(id for id in observers if id is not None),
            "methods": [translation.describe(method) for method in found.methods],
        }

    def _get_entities_by_type(self, request: Request) -> JSON:
        type = request.text()
        return {"type": type, "idlist": self._methods.by_type(type, limit=MAX_LISTED)}

    def _get_all_types(self, request: Request) -> JSON:
        return self._methods.types()

    def _register_methods(self, request: Request) -> JSON:
        self._must_write()
        own = self._entities.registry.of_member[self._member]
        try:
            self._entities.register(self._member, own.id, None, type=own.type, methods=request.methods())
        except RpcError:
            raise Refused(translation.WRONG_PARAMETERS, request.req_id) from None
        return DONE

    def _subscribe_to(self, request: Request) -> JSON:
        id, topic = request.text_and_topic()
        self._must_be_there(id, request)
        self._entities.subscribe(self._member, id, topic)
        return DONE

    def _unsubscribe_from(self, request: Request) -> JSON:
        id, topic = request.text_and_topic()
        if not self._entities.unsubscribe(self._member, id, topic):
            self._must_be_there(id, request)
            raise Refused(translation.NOT_OBSERVING, request.req_id)
        return DONE

    def _must_be_there(self, id: str, request: Request) -> None:
        if id not in self._entities.registry.entities and not self._entities.is_device(id):
            raise Refused(translation.NO_SUCH_OBSERVER, request.req_id)

    def _subscribe_to_registrations(self, request: Request) -> JSON:
        self._entities.watch_registrations(self._member, True)
        return DONE

    def _unsubscribe_from_registrations(self, request: Request) -> JSON:
        self._entities.watch_registrations(self._member, False)
        return DONE

    def _publish(self, request: Request) -> JSON:
        self._must_write()
        if request.content is UNSET:
            raise Refused(translation.NO_ARGUMENTS, request.req_id)
        self._entities.publish(self._member, None, request.content)
        return DONE

    def _call_method(self, request: Request) -> JSON:
        self._must_write()
        id, method, params = request.call()
        entity = self._entities.registry.entities.get(id)
        described = None if entity is None else entity.methods.get(method)
        if described is not None and not described.takes(len(params)):
            raise Refused(translation.NO_SUCH_METHOD, request.req_id)
        try:
            later = self._methods.call_as(self._member, self._caller, id, method, params, TIMEOUT_S)
        except RpcError as error:
            raise Refused(translation.text_of(error), request.req_id) from None
        assert isinstance(later, Later)
        later.when_ended(partial(self._called, request.req_id))
        return _NO_ANSWER

    def _called(self, req_id: JSON, ending: Ending) -> None:
        if isinstance(ending, RpcError):
            self._line.say(translation.encode_error(translation.text_of(ending), req_id))
        elif not self._line.has_room():
            self._line.say(translation.encode_error(translation.NO_ROOM, req_id))
        else:
            self._line.say(translation.encode_result(ending, req_id))

    def _result(self, request: Request) -> JSON:
        """An answer itself, so it is not answered, unless it is none."""
        content = None if request.content is UNSET else request.content
        if not self._member.answered(request.req_id, content):
            raise Refused(translation.NO_SUCH_CALL, request.req_id)
        return _NO_ANSWER

    def _must_write(self) -> None:
        if not self._caller.may("write"):
            raise RpcError.of("forbidden", "this token may only read")


_TABLE: Final[Mapping[str, Callable[[Requests, Request], JSON]]] = {
    "get_all_entities": Requests._get_all_entities,
    "get_entity": Requests._get_entity,
    "get_entities_by_type": Requests._get_entities_by_type,
    "get_all_types": Requests._get_all_types,
    "register_methods": Requests._register_methods,
    "subscribe_to": Requests._subscribe_to,
    "unsubscribe_from": Requests._unsubscribe_from,
    "subscribe_to_registrations": Requests._subscribe_to_registrations,
    "unsubscribe_from_registrations": Requests._unsubscribe_from_registrations,
    "publish": Requests._publish,
    "call_method": Requests._call_method,
    "result": Requests._result,
}
