# SPDX-License-Identifier: BSD-3-Clause
"""Who may speak for a node, with literals: by what each has proved, and by what is known of the id."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pyaiot.gateway.adapter import DeviceEvents, Refused
from pyaiot.gateway.device_tokens.owners import Owners
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.residents import Proof, Resident, Residents
from pyaiot.gateway.ws.sessions.contract import Code, Rejected

KEY, MINE, OTHER, NO_ACCOUNT = Proof("key"), Proof("token", "acc-1"), Proof("token", "acc-2"), Proof("token")


class Session:
    """One that speaks for joe, if it may."""

    def __init__(self, proof: Proof | None) -> None:
        self.proof = proof
        self.was_replaced = False

    def replaced(self) -> None:
        self.was_replaced = True


class Events:
    """Takes everything, unless it ``refuses``; ``said`` is what of attributes, and that joe is gone."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.refuses = False

    def seen(self, uid: str, *, attributes: dict[str, str], timeout_s: float) -> None:
        if self.refuses:
            raise Refused("the gateway is full")
        self.said.append(attributes)

    def gone(self, uid: str, why: str) -> None:
        self.said.append("gone")


def enter(residents: Residents, proof: Proof | None) -> Session | None:
    """A session that speaks for joe now; None: it must not."""
    session = Session(proof)
    try:
        residents.enter("joe", cast("Resident", session), "192.0.2.1")
    except Rejected as rejected:
        return None if rejected.code is Code.NOT_ADMITTED else session
    return session


def attributes_of(proof: Proof | None) -> dict[str, str]:
    account = {} if proof is None or proof.account is None else {"account": proof.account}
    return {"ip": "192.0.2.1", **account}


def residents_of(owners: Owners) -> tuple[Residents, Events]:
    residents, events = Residents(Counters(), lambda uid, key: True, lambda: "new", owners), Events()
    residents.events = cast("DeviceEvents", events)
    return residents, events


@pytest.mark.parametrize("older", [None, KEY, MINE, NO_ACCOUNT])
@pytest.mark.parametrize("newer", [None, KEY, MINE, OTHER, NO_ACCOUNT])
@pytest.mark.parametrize("forgotten", [False, True])
def test_who_comes_after_whom(older: Proof | None, newer: Proof | None, forgotten: bool) -> None:
    """Also where it was forgotten whose the id is, for want of room, while its device is there."""
    owners = Owners()
    residents, events = residents_of(owners)
    first = enter(residents, older)
    assert first is not None
    if forgotten:
        owners.adopt({})
        owners.unsaved.clear()
        owners.adopt({})
        assert "joe" not in owners
    second = enter(residents, newer)
    may = newer in (KEY, older) or older is None
    assert (second is not None, first.was_replaced) == (may, may)
    assert residents.find("joe") is cast("Resident", second or first)
    said = [attributes_of(older)]
    if may:
        said += [attributes_of(newer)] if newer == older else ["gone", attributes_of(newer)]
    assert events.said == said, "what another said is void before the newer is anything"
    assert residents.counters.replaced == may


@pytest.mark.parametrize("older", [None, KEY, MINE])
def test_who_is_refused_replaces_nobody_and_proves_nothing(older: Proof | None) -> None:
    owners = Owners()
    residents, events = residents_of(owners)
    first = enter(residents, older)
    assert first is not None
    known = dict(owners.accounts)
    events.refuses = True
    second = Session(older)
    with pytest.raises(Rejected) as rejected:
        residents.enter("joe", cast("Resident", second), "192.0.2.2")
    assert (rejected.value.code, first.was_replaced) == (Code.TRY_AGAIN, False)
    assert residents.find("joe") is cast("Resident", first)
    assert owners.accounts == known


@pytest.mark.parametrize("proof", [None, KEY, MINE, OTHER, NO_ACCOUNT])
def test_who_may_have_an_id_whose_device_is_away(proof: Proof | None) -> None:
    owners = Owners()
    owners.adopt({"joe": "acc-1"})
    residents, events = residents_of(owners)
    assert (enter(residents, proof) is not None) == (proof in (KEY, MINE))
    assert owners.accounts == {"joe": "acc-1"}
    assert events.said == ([attributes_of(proof)] if proof in (KEY, MINE) else [])
