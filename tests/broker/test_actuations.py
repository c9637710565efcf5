# SPDX-License-Identifier: BSD-3-Clause
"""What a service asks for in a platform's words, which node and which writes that is, and what it is answered."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from pyaiot.actuation import ActuationMap, Actuator, parse_map
from pyaiot.broker.actuations import (
    MAX_BODY_BYTES,
    MAX_PARAMETERS,
    STATUS,
    Command,
    NotPossible,
    PlannedWrite,
    encode_outcomes,
    encode_refusal,
    encode_waiting,
    ended,
    parse_command,
    plan,
    status_of,
)
from pyaiot.broker.addressees import MAX_DEPARTED, Addressees
from pyaiot.broker.directory import Directory
from pyaiot.broker.sequence import WINDOW, WriteSequence
from pyaiot.broker.service_pace import BURST, MAX_REMEMBERED, MAX_REQUESTS_PER_S, MAX_WRITES_AT_ONCE, ServicePace
from pyaiot.broker.writes import Outcome, Tell
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import New, Out
from tests.wire import strict_json
from tests.wire.fuzz import broken

#: Bodies made from good ones by breaking them.
HOSTILE = 60_000

#: To the letter, but for the two ways of saying whose device it is.
OI_9 = {
    "type": "command",
    "transport": "ws",
    "content": {
        "domainId": "acc-1",
        "deviceUID": "f2a1",
        "deviceId": "joe",
        "gatewayId": "joe",
        "componentId": "436e7e74-6771-4898-9057-26932f5eb7e1",
        "command": "LED.v1.0",
        "params": [{"name": "LED", "value": "1"}],
    },
}


def body(outside: dict[str, Any] | None = None, **content: Any) -> bytes:
    """OI_9 with some things changed; those of None left out."""
    inner = {name: value for name, value in {**OI_9["content"], **content}.items() if value is not None}  # type: ignore[dict-item]
    outer = {**OI_9, "content": inner, **(outside or {})}
    return json.dumps({name: value for name, value in outer.items() if value is not None}).encode()


def params(*values: Any) -> list[dict[str, Any]]:
    return [{"name": "LED", "value": value} for value in values]


# Reading


def test_OI_9_is_read() -> None:
    def expected(*accounts: str) -> Command:
        parameters = (("LED", "1"),)
        return Command("joe", "436e7e74-6771-4898-9057-26932f5eb7e1", "LED.v1.0", parameters, "ws", accounts=accounts)

    assert parse_command(body()) == expected("acc-1")
    assert parse_command(body(domainId=None, accountId="acc-1")) == expected("acc-1")
    assert parse_command(body(accountId="acc-1")) == expected("acc-1")
    assert parse_command(body(accountId="acc-2")) == expected("acc-2", "acc-1"), "no device is of two accounts"
    assert parse_command(body(domainId="", accountId="")) == expected()
    assert parse_command(body(domainId=None, deviceUID=None, gatewayId=None)) == expected()
    assert parse_command(body({"transport": None})).transport == "auto"
    assert parse_command(body({"more": [1]}, more={"x": None})) == expected("acc-1")


def test_any_json_is_a_value() -> None:
    values = ("1", 1, 1.5, True, None, [1, {"a": "b"}])
    assert [value for _, value in parse_command(body(params=params(*values))).parameters] == list(values)


@pytest.mark.parametrize(
    ("in_body", "in_query", "ttl_s"),
    [(None, [], None), (1, [], 1), (86_400, [], 86_400), (None, ["1"], 1), (None, ["86400"], 86_400)],
)
def test_how_long_it_may_wait(in_body: int | None, in_query: list[str], ttl_s: int | None) -> None:
    assert parse_command(body({"ttl": in_body}), in_query).ttl_s == ttl_s


@pytest.mark.parametrize(
    ("in_body", "in_query"),
    [
        *((0, []), (-1, []), (86_401, []), (1.5, []), ("1", []), (True, []), (None, [""]), (None, ["0"])),
        *((None, ["-1"]), (None, ["86401"]), (None, ["1e3"]), (None, ["9" * 400]), (None, ["1", "1"]), (1, ["1"])),
        *((None, ["\u0661"]), (None, [" 1"])),
    ],
)
def test_how_long_it_cannot_wait(in_body: Any, in_query: list[str]) -> None:
    with pytest.raises(Malformed):
        parse_command(body({"ttl": in_body}), in_query)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b"{" * 50_000, body()[:-1], body() + b"x", body() * 2),
        *(body({"type": "other"}), body({"type": None}), body({"content": None}), body({"transport": "coap"})),
        *(body({"transport": 1}), body(deviceId=None), body(deviceId=""), body(deviceId=1), body(deviceId="x" * 130)),
        *(body(componentId=None), body(componentId=""), body(componentId="x" * 129), body(command=None)),
        *(body(command=""), body(command=["LED.v1.0"]), body(params=None), body(params=[]), body(params={})),
        *(body(params=[{"name": "LED"}]), body(params=[{"value": 1}]), body(params=["LED"])),
        *(body(params=[{"name": "", "value": 1}]), body(params=params(*range(MAX_PARAMETERS + 1)))),
        *(body(accountId=1), body(gatewayId=["joe"]), body(deviceUID="x" * 129)),
        *(body(params=params(2**53)), body(params=params(float("nan"))), body(params=params(float("inf")))),
        body(params=params(json.loads("[" * 13 + "]" * 13))),
        body().replace(b'"command"', b'"command", "type": "command"', 1),
        body().replace(b'"value"', b'"value": 0, "value"'),
        body().replace(b'"1"', b'"\\ud800"'),
    ],
)
def test_what_cannot_be_read_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed) as wrong:
        parse_command(raw)
    assert len(str(wrong.value)) <= 120


def test_as_many_parameters_as_may_be() -> None:
    assert len(parse_command(body(params=params(*range(MAX_PARAMETERS)))).parameters) == MAX_PARAMETERS


def test_hostile_bodies_are_read_by_the_rules_or_malformed() -> None:
    chance = random.Random(9)
    documents = [body(), body({"ttl": 60}, params=params(1, "x", [True], {"a": {"b": 1.5}})), body(accountId="a")]
    documents.append(json.dumps(OI_9, indent=1).encode())
    taken = 0
    for raw in broken(chance, documents, HOSTILE):
        try:
            command = parse_command(raw, ["5"] if chance.random() < 0.05 else ())
        except Malformed:
            continue
        taken += 1
        tree = strict_json.read(raw)  # raises NotOurs for what must not be taken
        assert tree["type"] == "command"
        content = tree["content"]
        assert (command.device, command.component) == (content["deviceId"], content["componentId"])
        assert command.command == content["command"]
        assert command.parameters == tuple((each["name"], each["value"]) for each in content["params"])
        assert command.ttl_s is None or 1 <= command.ttl_s <= 86_400
        with contextlib.suppress(NotPossible):
            plan(command, "joe", ActuationMap().reversed())
    assert HOSTILE // 100 < taken < HOSTILE // 2


# Which writes


def command(*parameters: tuple[str, Any], component: str = "led", name: str = "LED.v1.0") -> Command:
    return Command("joe", component, name, parameters)


def test_OI_9_each_parameter_is_a_write() -> None:
    text = "".join(
        f"[resources.{resource}]\ncomponent='lamp'\ncommand='set'\nparameter='{parameter}'\n"
        for resource, parameter in (("power", "on"), ("level", "brightness"))
    )
    wanted = command(("brightness", 7), ("on", True), component="lamp", name="set")
    assert plan(wanted, "joe", parse_map(text).reversed()) == (
        PlannedWrite("brightness", "level", 7),
        PlannedWrite("on", "power", True),
    )


def test_one_parameter_that_is_not_known_is_enough_to_write_nothing() -> None:
    with pytest.raises(NotPossible) as why:
        plan(command(("LED", 1), ("RED", 1)), "joe", ActuationMap().reversed())
    assert why.value.code == "unknown"


def test_what_is_two_resources_is_written_to_neither() -> None:
    same = Actuator("x", "C", "P")
    with pytest.raises(NotPossible) as why:
        plan(command(("P", 1), component="x", name="C"), "joe", ActuationMap({"a": same, "b": same}).reversed())
    assert why.value.code == "ambiguous"


# Which node


class World:
    """A directory with its addressees; each gateway speaks the protocol that it is called by, up to a dash."""

    def __init__(self, *uids: str) -> None:
        self.directory = Directory()
        self.addressees = Addressees(self.directory)
        self._next: dict[str, int] = {}
        for uid in uids:
            self.come(uid)

    def _say(self, gateway: str, message: Any) -> None:
        if gateway not in self._next:
            self.directory.gateway_connected(gateway, "e")
        self._next[gateway] = self._next.get(gateway, 0) + 1
        self.directory.apply(gateway, self._next[gateway], [message])

    def come(self, uid: str, account: str | UnsetType = UNSET) -> None:
        gateway, _, device = uid.partition("/")
        self._say(gateway, New(uid=device, protocol=gateway.partition("-")[0], account=account, at=1))
        self.addressees.arrived(uid)

    def go(self, uid: str) -> None:
        gateway, _, device = uid.partition("/")
        node = self.directory.nodes[uid]
        self._say(gateway, Out(uid=device, why="closed", at=1))
        self.addressees.departed(uid, node.protocol, node.account)

    def find(self, device: str, transport: str = "auto", *accounts: str) -> str:
        """The uid, with a ? behind it if it is away; or the code."""
        try:
            found = self.addressees.find(device, transport, accounts)
        except NotPossible as error:
            return error.code
        assert found.device == found.uid.partition("/")[2]
        return found.uid + ("" if found.there else "?")


def test_a_device_is_a_node_of_whatever_gateway() -> None:
    world = World("coap/joe", "mqtt/jim")
    assert [world.find(each) for each in ("joe", "jim", "coap/joe", "mqtt/joe", "eve", "", "a/b/c", "/joe")] == [
        *("coap/joe", "mqtt/jim", "coap/joe"),
        *["unknown"] * 5,
    ]


TRANSPORTS = ("auto", "ws", "mqtt")


def test_a_transport_chooses_among_those_that_are_there() -> None:
    world = World("coap/joe", "ws/joe", "mqtt/joe")
    assert [world.find("joe", each) for each in TRANSPORTS] == ["ambiguous", "ws/joe", "mqtt/joe"]
    world.go("mqtt/joe")
    assert [world.find("joe", each) for each in TRANSPORTS] == ["ambiguous", "ws/joe", "ambiguous"]
    world.come("ws-2/joe")
    assert [world.find("joe", each) for each in TRANSPORTS] == ["ambiguous"] * 3
    assert world.find("coap/joe") == "coap/joe"


@pytest.mark.parametrize("real", ["coap/joe", "mqtt/joe", "http/joe", "ws-2/joe"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_impostor_that_left_stops_nothing(real: str, transport: str) -> None:
    world = World(real, "ws/joe")
    world.go("ws/joe")
    assert world.find("joe", transport) == real
    world.go(real)
    assert world.find("joe", transport) == "ambiguous", "neither can be told to be the one that is meant"
    assert (world.find(real), world.find("ws/joe")) == (f"{real}?", "ws/joe?")
    world.come(real)
    assert world.find("joe", transport) == real


def test_of_several_it_is_the_one_that_is_not_out() -> None:
    world = World("coap/joe", "http/joe")
    assert world.find("joe") == "ambiguous"
    assert world.find("http/joe") == "http/joe"
    world.go("coap/joe")
    assert world.find("joe") == "http/joe"
    world.go("http/joe")
    assert world.find("joe") == "ambiguous"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_while_a_gateway_is_away_nobody_gets_what_is_for_its_nodes(transport: str) -> None:
    world = World("mqtt/joe", "coap/joe", "http/jim")
    world.directory.gateway_lost("mqtt", 1.0)
    assert world.find("joe", transport) == "ambiguous", "not the other's"
    world.directory.gateway_lost("coap", 1.0)
    assert world.find("joe", transport) == "ambiguous", "no transport chooses among those that are away"
    world.go("coap/joe")
    assert world.find("joe", transport) == "mqtt/joe?"


def test_a_node_without_its_gateway_is_away() -> None:
    world = World("ws/joe")
    world.directory.gateway_lost("ws", 1.0)
    assert world.find("joe") == "ws/joe?"
    world.directory.gateway_connected("ws", "another epoch")
    assert world.find("joe") == "ws/joe?", "the gateway was started anew, and has not told of it"


def test_nodes_that_went_are_remembered_and_the_first_is_forgotten_first() -> None:
    world = World("ws/first")
    world.go("ws/first")
    assert world.find("first") == "ws/first?"
    for number in range(MAX_DEPARTED):
        world.addressees.departed(f"ws/n{number}", "ws")
    assert world.find("first") == "unknown"
    assert world.find("n0") == "ws/n0?"


def test_a_device_of_another_account_is_never_meant() -> None:
    world = World("http/joe")
    world.come("ws/jim", "acc-1")
    for accounts, code in (
        ((), "ws/jim"),
        (("acc-1",), "ws/jim"),
        (("acc-2",), "refused"),
        (("acc-1", "x"), "refused"),
    ):
        assert world.find("jim", "auto", *accounts) == code
        assert world.find("ws/jim", "ws", *accounts) == code
        assert world.find("joe", "auto", *accounts) == "http/joe", "it has none"
    world.go("ws/jim")
    assert world.find("jim", "auto", "acc-1") == "ws/jim?"
    assert world.find("jim", "auto", "acc-2") == "refused", "it is known of one that is away, too"
    world.come("ws/jim", "acc-2")
    assert world.find("jim", "auto", "acc-1") == "refused"
    world.come("ws/jim", "acc-1")
    assert world.find("jim", "auto", "acc-1") == "ws/jim", "told again, of another account"
    world.come("ws/jim")
    assert world.find("jim", "auto", "acc-2") == "ws/jim"


def test_an_account_chooses_among_those_that_have_the_id() -> None:
    world = World("http/joe")
    world.come("ws/joe", "acc-1")
    world.come("ws-2/joe", "acc-2")
    for account, uid in (("acc-1", "ws/joe"), ("acc-2", "ws-2/joe"), ("acc-3", "http/joe")):
        assert world.find("joe", "auto", account) == uid
    world.go("ws/joe")
    assert world.find("joe", "auto", "acc-1") == "ws/joe?", "nobody without a proof gets what is for one that has one"


# What is answered


def test_what_all_outcomes_come_to() -> None:
    good, late, no = Outcome(), Outcome("expired", "late"), Outcome("refused", "no")
    assert ended([good, good]) == ("delivered", good)
    assert ended([good, no, late]) == ("failed", no)
    assert ended([late, no]) == ("expired", late)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((None, 200), ("unknown", 404), ("refused", 409), ("unsupported", 409), ("failed", 502), ("busy", 503)),
        *(("offline", 503), ("timeout", 504), ("expired", 504), ("forbidden", 403), ("of tomorrow", 502)),
    ],
)
def test_a_status_says_whose_fault_it_is(code: str | None, status: int) -> None:
    assert status_of(Outcome(code)) == status
    assert code is None or STATUS.get(code, 502) == status


def test_answers_to_the_letter() -> None:
    writes = (PlannedWrite("LED", "led", "1"), PlannedWrite("FAN", "fan", 2))
    assert encode_outcomes(writes[:1], [Outcome()], uid="ws/joe") == (
        b'{"uid":"ws/joe","state":"delivered","outcomes":[{"name":"LED","resource":"led","ok":true}]}'
    )
    assert encode_outcomes(writes, [Outcome(), Outcome("refused", "no")], uid="ws/joe", id="1") == (
        b'{"id":"1","uid":"ws/joe","state":"failed","code":"refused","reason":"no","outcomes":['
        b'{"name":"LED","resource":"led","ok":true},'
        b'{"name":"FAN","resource":"fan","ok":false,"code":"refused","reason":"no"}]}'
    )
    assert encode_waiting("1", "ws/joe") == b'{"id":"1","uid":"ws/joe","state":"waiting"}'
    assert encode_refusal("busy", "no room") == b'{"code":"busy","reason":"no room"}'


def test_the_longest_body_leaves_room_for_every_parameter() -> None:
    assert len(body(params=params(*["x" * 300] * MAX_PARAMETERS))) < MAX_BODY_BYTES


# A few at a time


class Writing:
    """Those that were begun, and what came of all."""

    def __init__(self, number: int, *, at_once: Outcome | None = None) -> None:
        self.begun: list[tuple[PlannedWrite, Tell]] = []
        self.done: list[tuple[Outcome, ...]] = []
        self.late = False
        self._at_once = at_once
        writes = [PlannedWrite("LED", "led", each) for each in range(number)]
        WriteSequence(writes, begin=self._begin, is_late=lambda: self.late, done=self.done.append).start()

    def _begin(self, write: PlannedWrite, tell: Tell) -> None:
        self.begun.append((write, tell))
        if self._at_once is not None:
            tell(self._at_once)

    def values(self) -> list[Any]:
        return [write.data for write, _ in self.begun]


def test_a_few_writes_at_a_time_in_their_order() -> None:
    writing = Writing(7)
    assert writing.values() == [0, 1, 2, 3]
    writing.begun[2][1](Outcome("refused", "no"))
    assert writing.values() == [0, 1, 2, 3, 4]
    for number in (0, 1, 3, 4, 5):
        writing.begun[number][1](Outcome())
    assert writing.values() == list(range(7))
    assert writing.done == []
    writing.begun[6][1](Outcome())
    assert writing.done == [(Outcome(), Outcome(), Outcome("refused", "no"), *[Outcome()] * 4)]


def test_outcomes_may_come_at_once() -> None:
    writing = Writing(MAX_PARAMETERS, at_once=Outcome("offline", "away"))
    assert writing.values() == list(range(MAX_PARAMETERS))
    assert writing.done == [(Outcome("offline", "away"),) * MAX_PARAMETERS]


def test_what_is_left_when_it_is_late_is_not_tried() -> None:
    writing = Writing(WINDOW + 2)
    writing.late = True
    for _, tell in writing.begun[:]:
        tell(Outcome())
    assert len(writing.begun) == WINDOW
    ((*first, fifth, sixth),) = writing.done
    assert first == [Outcome()] * WINDOW
    assert fifth.code == sixth.code == "expired"


# How fast, and how much at once


def test_a_burst_then_a_pace_for_each_service_alone() -> None:
    pace = ServicePace()
    assert [pace.ask(b"a", 10.0) for _ in range(BURST)] == [None] * BURST
    assert pace.ask(b"a", 10.0) == 1
    assert pace.ask(b"b", 10.0) is None
    assert pace.ask(None, 10.0) is None
    asked = [pace.ask(b"a", 10.0 + number / 1000) for number in range(1, 5_001)]
    assert asked.count(None) == pytest.approx(5 * MAX_REQUESTS_PER_S, abs=2)
    assert pace.ask(b"a", 1e6) is None


def test_so_many_writes_at_once_of_each_service_alone() -> None:
    pace = ServicePace()
    for _ in range(MAX_WRITES_AT_ONCE // WINDOW):
        assert pace.begin(b"a", WINDOW)
    assert not pace.begin(b"a", 1)
    assert pace.begin(b"b", WINDOW)
    pace.end(b"a", WINDOW)
    assert pace.begin(b"a", WINDOW - 1)
    assert not pace.begin(b"a", 2)
    assert pace.begin(b"a", 1)


def test_services_that_are_idle_are_forgotten() -> None:
    pace = ServicePace()
    assert pace.begin(b"busy", 1)
    for number in range(3 * MAX_REMEMBERED):
        assert pace.ask(str(number).encode(), float(number)) is None
    assert len(pace) <= MAX_REMEMBERED
    assert not pace.begin(b"busy", MAX_WRITES_AT_ONCE)
    pace.end(b"busy", 1)
