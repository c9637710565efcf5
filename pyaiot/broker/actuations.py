# SPDX-License-Identifier: BSD-3-Clause
"""Actuations: writes that a service asks for in the words of a platform of devices (PROTOCOL.md section 3.4). Pure.

A platform's service knows devices, components, commands and parameters; here are nodes and resources. A command is one
write a parameter. What ``POST /v1/actuations`` is sent is read here, and what it answers is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.actuation import MAX_NAME, Actuator, Ambiguous, ReversedMap
from pyaiot.broker.writes import Outcome
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON

#: The longest body, in bytes, and the most parameters in it.
MAX_BODY_BYTES: Final = 16_384
MAX_PARAMETERS: Final = 32
#: The longest that an actuation may wait for its device, in seconds.
MAX_TTL_S: Final = 86_400
#: ``<gateway>/<id>``: as long as a uid is outside its gateway.
MAX_DEVICE_ID: Final = 129

#: How an actuation that had to wait ended, or that it has not.
State: TypeAlias = Literal["waiting", "delivered", "failed", "expired"]

#: What HTTP calls an outcome (RFC 9110 section 15), by its code (see writes); the rest is about the request itself.
STATUS: Final[Mapping[str, int]] = {
    "malformed": 400,
    "forbidden": 403,
    "unknown": 404,
    "ambiguous": 409,
    "refused": 409,
    "unsupported": 409,
    "failed": 502,
    "busy": 503,
    "offline": 503,
    "expired": 504,
    "timeout": 504,
}

_TTL = re.compile(r"[0-9]{1,5}", re.ASCII)
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
_Optional = Annotated[str, msgspec.Meta(max_length=MAX_NAME)] | None | UnsetType


class _Parameter(msgspec.Struct, frozen=True):
    name: _Name
    value: JSON


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    device_id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_DEVICE_ID)]
    component_id: _Name
    command: _Name
    params: Annotated[tuple[_Parameter, ...], msgspec.Meta(min_length=1, max_length=MAX_PARAMETERS)]
    # Whose device is meant: two words of two generations of the platform for one thing.
    account_id: _Optional = UNSET
    domain_id: _Optional = UNSET
    # What else a platform says. The device is told its own gateway, by that.
    gateway_id: _Optional = UNSET
    device_uid: _Optional = msgspec.field(name="deviceUID", default=UNSET)


class _Body(msgspec.Struct, frozen=True):
    type: Literal["command"]
    content: _Content
    transport: Literal["ws", "mqtt", "auto"] = "auto"
    ttl: Annotated[int, msgspec.Meta(ge=1, le=MAX_TTL_S)] | None = None


class _Told(msgspec.Struct, frozen=True):
    name: str
    resource: str
    ok: bool
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class _Answer(msgspec.Struct, frozen=True):
    id: str | UnsetType = UNSET
    uid: str | UnsetType = UNSET
    state: State | UnsetType = UNSET
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    outcomes: tuple[_Told, ...] | UnsetType = UNSET


_bodies = msgspec.json.Decoder(_Body)


class NotPossible(Exception):
    """The actuation cannot even be tried: ``code`` is one of STATUS, ``str()`` says why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Command:
    """What a service wants of ``device``; ``parameters`` are names and values. ``ttl_s`` None: now or never.

    ``accounts`` are those that the device belongs to, by what the service says: none where it says nothing.
    """

    device: str
    component: str
    command: str
    parameters: tuple[tuple[str, JSON], ...]
    transport: str = "auto"
    ttl_s: int | None = None
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """``data`` for ``resource``, which the platform calls the parameter ``name``."""

    name: str
    resource: str
    data: JSON


def parse_command(raw: bytes, query_ttl: Sequence[str] = ()) -> Command:
    """Read a body, and what ``?ttl=`` beside it says. Raises Malformed."""
    body = codec.decode(_bodies, raw)
    for parameter in body.content.params:
        codec.check_value(parameter.value)
    said = (body.content.account_id, body.content.domain_id)
    return Command(
        device=body.content.device_id,
        component=body.content.component_id,
        command=body.content.command,
        parameters=tuple((parameter.name, parameter.value) for parameter in body.content.params),
        transport=body.transport,
        ttl_s=_ttl(body.ttl, query_ttl),
        accounts=tuple(dict.fromkeys(account for account in said if isinstance(account, str) and account)),
    )


def is_of(account: str | None, accounts: Sequence[str]) -> bool:
    """Whether a device of ``account`` can be the one that is meant by ``accounts``; one of none can be anybody's."""
    return account is None or all(each == account for each in accounts)


def _ttl(in_body: int | None, in_query: Sequence[str]) -> int | None:
    if not in_query:
        return in_body
    if len(in_query) > 1 or in_body is not None:
        raise Malformed("ttl is there twice")
    if _TTL.fullmatch(in_query[0]) is None or not 1 <= int(in_query[0]) <= MAX_TTL_S:
        raise Malformed(f"ttl is a whole number of seconds, from 1 to {MAX_TTL_S}")
    return int(in_query[0])


def plan(command: Command, device: str, actuations: ReversedMap) -> tuple[PlannedWrite, ...]:
    """The writes that ``command`` is, in its order; ``device`` is what the gateway calls it. Raises NotPossible."""
    planned = []
    for name, value in command.parameters:
        try:
            resource = actuations.resource(device, Actuator(command.component, command.command, name))
        except Ambiguous as error:
            raise NotPossible("ambiguous", str(error)) from None
        if resource is None:
            raise NotPossible("unknown", "the device has no such component with that command and parameter")
        planned.append(PlannedWrite(name, resource, value))
    return tuple(planned)


def ended(outcomes: Sequence[Outcome]) -> tuple[State, Outcome]:
    """What all outcomes come to; the first that is not good stands for all."""
    for outcome in outcomes:
        if outcome.code is not None:
            return ("expired" if outcome.code == "expired" else "failed"), outcome
    return "delivered", Outcome()


def status_of(outcome: Outcome) -> int:
    """The status of an answer about ``outcome``; a code that a gateway of tomorrow says is a failure of the gateway."""
    return 200 if outcome.code is None else STATUS.get(outcome.code, 502)


def encode_outcomes(
    writes: Sequence[PlannedWrite], outcomes: Sequence[Outcome], *, uid: str, id: str | None = None
) -> bytes:
    """What became of ``writes`` at the node ``uid``; of one that had to wait under ``id``."""
    state, first = ended(outcomes)
    told = tuple(
        _Told(write.name, write.resource, outcome.code is None, _given(outcome.code), _given(outcome.reason))
        for write, outcome in zip(writes, outcomes, strict=True)
    )
    return codec.encode(_Answer(_given(id), uid, state, _given(first.code), _given(first.reason), told))


def encode_waiting(id: str, uid: str) -> bytes:
    """The actuation ``id`` waits for the node ``uid``, or for its word."""
    return codec.encode(_Answer(id, uid, "waiting"))


def encode_refusal(code: str, reason: str) -> bytes:
    """Nothing was written, and why."""
    return codec.encode(_Answer(code=code, reason=reason))


def _given(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
