# SPDX-License-Identifier: BSD-3-Clause
"""Who registered, who is called, who is heard: by literals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pyaiot.broker.entities import calls, holders, news, peer_nodes, subscriptions
from pyaiot.broker.entities.descriptions import MethodDescription, Parameter
from pyaiot.broker.entities.exchange import Entities
from pyaiot.broker.entities.peer_nodes import MAX_PUBLISHED_BYTES
from pyaiot.rpc.errors import METHOD_NOT_FOUND, RpcError
from pyaiot.wire.messages import New, Update, Write
from tests.broker.entities.members import Desk, Member, make_entities

ADD = MethodDescription("add", params=(Parameter("a"), Parameter("b")))
TOKEN = "a secret of mine"


@pytest.fixture
def desk_and_entities() -> tuple[Desk, Entities]:
    return make_entities()


@pytest.fixture
def desk(desk_and_entities: tuple[Desk, Entities]) -> Desk:
    return desk_and_entities[0]


@pytest.fixture
def entities(desk_and_entities: tuple[Desk, Entities]) -> Entities:
    return desk_and_entities[1]


def join(entities: Entities, id: str | None, token: str | None = None, type: str = "t", *methods: Any) -> Member:
    member = Member(id or "somebody")
    entities.register(member, id, token, type=type, methods=methods or (ADD,))
    return member


def code_of(what: Any, *arguments: Any, **named: Any) -> str | int:
    with pytest.raises(RpcError) as caught:
        what(*arguments, **named)
    return caught.value.name or caught.value.code


def resources(desk: Desk, uid: str) -> dict[str, Any]:
    return {name: each.data for name, each in desk.directory.nodes[uid].resources.items()}


def call(entities: Entities, caller: Any, id: str = "lamp", method: str = "add", params: Any = None) -> list[Any]:
    """How the call ends, once it has."""
    endings: list[Any] = []
    entities.call(caller, id, method, params, 10.0, endings.append)
    return endings


# Ids


def test_an_id_is_its_holders_and_whoever_asks_for_it_without_the_token_harms_nobody(
    desk: Desk, entities: Entities
) -> None:
    """AR_B1."""
    lamp = join(entities, "lamp", TOKEN)
    thief = Member("thief")
    assert code_of(entities.register, thief, "lamp", None, type="t") == "taken"
    assert code_of(entities.register, thief, "lamp", "some other token", type="t") == "taken"
    entities.leave(thief)
    assert not lamp.is_replaced
    assert entities.id_of(lamp) == "lamp"
    assert "peer/lamp" in desk.directory.nodes


def test_with_the_token_an_id_is_taken_over_and_calls_to_the_older_connection_fail_at_once(
    desk: Desk, entities: Entities
) -> None:
    older = join(entities, "lamp", TOKEN)
    entities.publish(older, "state", "on")
    endings = call(entities, Member("caller"))
    newer = join(entities, "lamp", TOKEN)
    assert older.is_replaced
    assert [each.name for each in endings] == ["left"]
    entities.leave(older)
    assert entities.id_of(newer) == "lamp"
    assert resources(desk, "peer/lamp") == {"state": "on"}
    assert call(entities, Member("caller")) == []
    assert len(newer.asked) == 1


def test_an_id_whose_holder_has_shown_the_token_is_kept_for_a_day(desk: Desk, entities: Entities) -> None:
    entities.leave(join(entities, "lamp", TOKEN))
    desk.now += holders.KEPT_S - 1
    assert code_of(join, entities, "lamp") == "taken"
    again = join(entities, "lamp", TOKEN)
    entities.leave(again)
    desk.now += holders.KEPT_S + 1
    join(entities, "lamp")


def test_an_id_is_free_at_once_where_nobody_has_shown_its_token_or_it_was_given_up(entities: Entities) -> None:
    entities.leave(join(entities, "lamp"))
    lamp = join(entities, "lamp")
    assert entities.unregister(lamp)
    lamp = join(entities, "lamp", TOKEN)
    assert entities.unregister(lamp)
    assert not entities.unregister(lamp)
    entities.leave(join(entities, "lamp", TOKEN))
    assert entities.unregister(join(entities, "lamp", TOKEN))
    join(entities, "lamp")


def test_the_token_that_the_broker_made_gives_the_id_back_too(entities: Entities) -> None:
    token = entities.register(Member("first"), "lamp", None, type="t").token
    back = join(entities, "lamp", token)
    entities.leave(back)
    assert code_of(join, entities, "lamp") == "taken"


def test_who_left_longest_ago_is_forgotten_first(entities: Entities, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "MAX_KEPT", 2)
    for id in ("a", "b", "c"):
        entities.leave(join(entities, id, TOKEN))
    join(entities, "a")
    assert code_of(join, entities, "b") == "taken"


def test_a_connection_is_one_entity_and_describes_itself_anew_as_often_as_it_likes(entities: Entities) -> None:
    lamp = join(entities, None)
    assert entities.id_of(lamp) == "fresh1"
    assert code_of(entities.register, lamp, "other", None, type="t") == RpcError.invalid_params("").code
    assert code_of(entities.register, lamp, None, None, type="t", methods=(ADD, ADD)) == -32602
    token = entities.registry.entities["fresh1"].token
    again = entities.register(lamp, "fresh1", None, type="u", methods=())
    assert (again.token, again.type, again.methods) == (token, "u", {})


def test_registrations_are_told_to_who_watches_them(entities: Entities) -> None:
    watcher = Member("watcher")
    assert entities.watch_registrations(watcher, True)
    assert not entities.watch_registrations(watcher, True)
    lamp = join(entities, "lamp", TOKEN)
    entities.register(lamp, None, None, type="t")
    join(entities, "lamp", TOKEN)
    entities.leave(join(entities, "lamp", TOKEN, "u"))
    assert entities.watch_registrations(watcher, False)
    join(entities, "other")
    assert [told for told, _ in watcher.told] == [
        ["registered", "lamp", "t"],
        ["registered", "lamp", "u"],
        ["left", "lamp"],
    ]


# Calls


def test_a_call_reaches_the_entity_with_the_callers_id_and_its_answer_comes_back(entities: Entities) -> None:
    lamp, caller = join(entities, "lamp"), join(entities, "caller")
    endings = call(entities, caller, params=[1, 2])
    ((method, params, sender, done),) = lamp.asked
    assert (method, params, sender) == ("add", [1, 2], "caller")
    done(msgspec.Raw(b"3"))
    done(msgspec.Raw(b"4"))
    assert endings == [msgspec.Raw(b"3")]


def test_a_call_that_is_not_answered_in_time_ends(desk: Desk, entities: Entities) -> None:
    lamp = join(entities, "lamp")
    endings = call(entities, "anybody")
    assert desk.armed == [desk.now + 10.0]
    desk.now += 9.9
    entities.expire()
    assert endings == []
    desk.now += 0.2
    entities.expire()
    assert [each.name for each in endings] == ["timeout"]
    lamp.asked[0][-1](msgspec.Raw(b"late"))
    assert len(endings) == 1


def test_who_is_no_entity_any_more_answers_nobody_and_still_calls_others(entities: Entities) -> None:
    lamp = join(entities, "lamp")
    other = join(entities, "other")
    to_it, of_it = call(entities, other), call(entities, lamp, "other")
    entities.unregister(lamp)
    assert [each.name for each in to_it] == ["left"]
    lamp.asked[0][-1](msgspec.Raw(b"1"))
    other.asked[0][-1](msgspec.Raw(b"2"))
    assert (len(to_it), of_it) == (1, [msgspec.Raw(b"2")])


def test_nobody_and_nothing_that_was_not_registered_is_called(entities: Entities) -> None:
    """AR_B2, AR_B5."""
    lamp = join(entities, "lamp")
    assert code_of(call, entities, "anybody", "nobody") == "unknown"
    for name in ("call", "replace", "__class__", "leave", "rpc.discover", "published"):
        assert code_of(call, entities, "anybody", "lamp", name) == METHOD_NOT_FOUND
    assert lamp.asked == []


def test_calls_are_bounded_for_a_caller_for_an_entity_and_in_all(
    entities: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_PER_CALLER", 2)
    monkeypatch.setattr(calls, "MAX_PER_CALLEE", 3)
    monkeypatch.setattr(calls, "MAX_CALLS", 4)
    lamp = join(entities, "lamp")
    join(entities, "other")
    begun = [call(entities, caller) for caller in ("a", "a", "b")]
    assert code_of(call, entities, "c") == "busy"  # of the entity
    assert code_of(call, entities, "a", "other") == "busy"  # of the caller
    call(entities, "c", "other")
    assert code_of(call, entities, "d", "other") == "busy"  # in all
    lamp.asked[0][-1](msgspec.Raw(b"1"))
    assert begun == [[msgspec.Raw(b"1")], [], []]
    call(entities, "d", "other")
    assert entities.calls.endings["busy"] == 3


def test_deadlines_of_calls_that_are_over_do_not_pile_up(entities: Entities) -> None:
    lamp = join(entities, "lamp")
    for _ in range(5_000):
        call(entities, "anybody")
        lamp.asked.pop()[-1](msgspec.Raw(b"1"))
    assert len(entities.calls._deadlines) <= calls.MIN_SWEEP + 1


# Writes to the node of an entity


def write(desk: Desk, entities: Entities, data: Any = 1, resource: str = "add") -> None:
    entities.send(Write(id=7, uid="lamp", resource=resource, data=data, ttl_ms=5_000))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (msgspec.Raw(b"null"), None),
        (RpcError(1, "no such colour"), "refused"),
        (RpcError.of("timeout", "too slow"), "timeout"),
        (RpcError.of("left", "gone"), "timeout"),
        (RpcError.method_not_found("add"), "unsupported"),
    ],
)
def test_a_write_is_a_call_with_one_parameter_and_its_answer_the_outcome(
    desk: Desk, entities: Entities, answer: Any, code: str | None
) -> None:
    lamp = join(entities, "lamp")
    write(desk, entities, {"red": 1})
    ((method, params, _, done),) = lamp.asked
    assert (method, params) == ("add", [{"red": 1}])
    done(answer)
    (result,) = desk.results
    assert (result.id, result.ok) == (7, code is None)
    if code is not None:
        assert (result.code, result.reason) == (code, answer.message)


def test_a_write_that_no_method_takes_is_unsupported_and_one_to_nobody_unknown(desk: Desk, entities: Entities) -> None:
    write(desk, entities)
    join(entities, "lamp")
    write(desk, entities, resource="published")
    assert [each.code for each in desk.results] == ["unknown", "unsupported"]


# Publishing


def test_what_an_entity_publishes_is_a_resource_and_goes_to_its_subscribers(desk: Desk, entities: Entities) -> None:
    lamp, all_of_it, one, elsewhere = join(entities, "lamp"), Member("all"), Member("one"), Member("elsewhere")
    entities.subscribe(all_of_it, "lamp", None)
    entities.subscribe(one, "lamp", "temperature")
    entities.subscribe(elsewhere, "lamp", "colour")
    assert entities.publish(lamp, "temperature", "23.4°C") == 2
    assert entities.publish(lamp, None, {"on": True}) == 1
    assert [told for told, _ in all_of_it.told] == [
        ["lamp", "temperature", "23.4°C"],
        ["lamp", None, {"on": True}],
    ]
    assert [told for told, _ in one.told] == [["lamp", "temperature", "23.4°C"]]
    assert elsewhere.told == []
    node = desk.directory.nodes["peer/lamp"]
    assert resources(desk, node.uid) == {"temperature": "23.4°C", "published": {"on": True}}
    assert (node.resources["temperature"].value, node.resources["temperature"].unit) == (23.4, "Cel")
    assert entities.nodes.topics("lamp") == ["temperature"]
    entities.leave(lamp)
    assert desk.directory.nodes == {}


def test_what_cannot_be_a_resource_is_refused_and_changes_nothing(desk: Desk, entities: Entities) -> None:
    lamp = join(entities, "lamp")
    deep: Any = 0
    for _ in range(13):
        deep = [deep]
    for topic, content in (("/", 1), ("", 1), ("a b", 1), ("x" * 65, 1), ("x", "y" * 16_384), ("x", deep)):
        assert code_of(entities.publish, lamp, topic, content) == -32602
    assert code_of(entities.publish, Member("nobody"), None, 1) == "unknown"
    for number in range(64):
        entities.publish(lamp, f"topic{number}", number)
    assert code_of(entities.publish, lamp, "one-more", 1) == "busy"
    entities.publish(lamp, "topic0", "again")
    assert len(resources(desk, "peer/lamp")) == 64


def test_the_newest_of_all_topics_of_an_entity_have_a_bound(entities: Entities) -> None:
    lamp = join(entities, "lamp")
    most = "x" * 16_000
    for number in range(MAX_PUBLISHED_BYTES // 16_002):
        entities.publish(lamp, f"topic{number}", most)
    assert code_of(entities.publish, lamp, "one-more", most) == "busy"
    entities.publish(lamp, "topic0", "less")
    entities.publish(lamp, "one-more", most[:-100])


def test_what_is_published_has_a_bound_by_what_it_takes_in_memory_of_one_and_of_all(
    entities: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty entities took 84 MiB within the bound of their JSON."""
    first, second = join(entities, "first"), join(entities, "second")
    empty: list[Any] = [[]] * 5_000
    kept = peer_nodes.kept_bytes(msgspec.json.encode(empty))
    assert kept > 5_000 * 56
    monkeypatch.setattr(peer_nodes, "MAX_KEPT_BYTES", 2 * kept)
    monkeypatch.setattr(peer_nodes, "MAX_KEPT_IN_ALL_BYTES", 3 * kept)
    entities.publish(first, "a", empty)
    entities.publish(first, "b", empty)
    assert code_of(entities.publish, first, "c", empty) == "busy"
    entities.publish(first, "b", empty)
    entities.publish(second, "a", empty)
    assert code_of(entities.publish, second, "b", empty) == "busy", "all together"
    entities.publish(second, "a", [])
    entities.leave(first)
    entities.publish(second, "a", empty)
    entities.publish(second, "b", empty)


def test_writes_to_an_entity_that_does_not_answer_take_no_room_of_another_s(
    entities: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_PER_CALLER", 4)
    mute, lamp = join(entities, "mute"), join(entities, "lamp")
    for id in range(6):
        entities.send(Write(id=id, uid="mute", resource="add", data=1, ttl_ms=1_000))
    entities.send(Write(id=9, uid="lamp", resource="add", data=1, ttl_ms=1_000))
    assert (len(mute.asked), len(lamp.asked)) == (4, 1)


def test_who_reads_slowly_gets_the_newest_of_each_topic_and_how_many_came_between(entities: Entities) -> None:
    lamp, slow = join(entities, "lamp"), Member("slow")
    entities.subscribe(slow, "lamp", None)
    slow.reads = False
    for number in range(10):
        entities.publish(lamp, "a", number)
        entities.publish(lamp, "b", -number)
    slow.reads = True  # what waits comes first all the same
    entities.publish(lamp, "b", -10)
    assert slow.told == []
    while slow.read(1):
        pass
    assert slow.told == [(["lamp", "a", 9], 9), (["lamp", "b", -10], 10)]
    entities.publish(lamp, "a", 10)
    assert slow.told[-1] == (["lamp", "a", 10], 0)


def test_what_waits_for_a_slow_subscriber_goes_with_who_published_it(entities: Entities) -> None:
    lamp, slow = join(entities, "lamp"), Member("slow")
    entities.subscribe(slow, "lamp", None)
    slow.reads = False
    for number in range(3):
        entities.publish(lamp, f"t{number}", number)
    entities.leave(lamp)
    slow.read()
    assert slow.told == [(["heard no more", "lamp"], 0)]


def test_a_subscriber_for_whom_too_much_waits_is_cut_off_once(
    entities: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MAX_WAITING", 2)
    lamp, slow = join(entities, "lamp"), Member("slow")
    entities.subscribe(slow, "lamp", None)
    slow.reads = False
    for number in range(10):
        assert slow.is_cut_off == (number > 2)
        entities.publish(lamp, f"t{number}", number)
    assert len(slow.newsbox) == 0


def test_a_device_is_heard_like_an_entity(desk: Desk, entities: Entities) -> None:
    directory = desk.directory
    directory.gateway_connected("coap", "e")
    told = iter(range(2, 100))

    def say(value: float) -> None:
        update = Update(uid="1", resource="temperature", data=f"{value}°C", value=value, unit="Cel", at=int(value))
        directory.apply("coap", next(told), [update])

    directory.apply("coap", 1, [New(uid="1", protocol="CoAP", at=0)])
    say(1)
    hearer = Member("hearer")
    entities.subscribe(hearer, "coap/1", None)
    say(2)
    hearer.reads = False
    for value in (3, 4, 5):
        say(value)
    hearer.read()
    assert hearer.told == [(["coap/1", "temperature", 2], 0), (["coap/1", "temperature", 5], 2)]


def test_subscriptions_are_bounded_ended_and_outlive_an_absence(
    entities: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AR_B3, AR_B7."""
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    lamp, hearer = join(entities, "lamp", TOKEN), Member("hearer")
    for _ in range(3):
        entities.subscribe(hearer, "lamp", None)
    entities.subscribe(hearer, "lamp", "a")
    assert code_of(entities.subscribe, hearer, "lamp", "b") == "busy"
    assert entities.publish(lamp, "a", 1) == 1
    assert entities.unsubscribe(hearer, "lamp", None)
    assert not entities.unsubscribe(hearer, "lamp", None)
    entities.leave(lamp)
    lamp = join(entities, "lamp", TOKEN)
    assert entities.publish(lamp, "a", 2) == 1
    assert entities.publish(lamp, "b", 2) == 0
    assert entities.unsubscribe(hearer, "lamp", "a")
    assert entities.subscriptions.is_empty


@pytest.mark.parametrize(
    ("params", "given"),
    [
        (None, []),
        ([1, 2], [1, 2]),
        ({"a": 1, "b": 2}, [1, 2]),
        ({"b": 2}, [None, 2]),
        ({"a": 1}, [1]),
        ({"c": 1}, [{"c": 1}]),
    ],
)
def test_parameters_by_name_become_parameters_by_position(params: Any, given: list[Any]) -> None:
    assert ADD.positional(params) == given
