# SPDX-License-Identifier: BSD-3-Clause
"""Who may speak for a node, with literals: by what each has proved, and by what is known of the id."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pyaiot.gateway.adapter import DeviceEvents
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
    """Takes everything; ``said`` is what of attributes, and that joe is gone."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def seen(self, uid: str, *, attributes: dict[str, str], timeout_s: float) -> None:
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
    assert ("gone" in events.said) == (newer == KEY and older in (MINE, NO_ACCOUNT)), "the account was another's"
    assert residents.counters.replaced == may


@pytest.mark.parametrize("proof", [None, KEY, MINE, OTHER, NO_ACCOUNT])
def test_who_may_have_an_id_whose_device_is_away(proof: Proof | None) -> None:
    owners = Owners()
    owners.adopt({"joe": "acc-1"})
    residents, events = residents_of(owners)
    assert (enter(residents, proof) is not None) == (proof in (KEY, MINE))
    assert owners.accounts == {"joe": "acc-1"}
    attributes = {"ip": "192.0.2.1", "account": "acc-1"} if proof == MINE else {"ip": "192.0.2.1"}
    assert events.said == ([attributes] if proof in (KEY, MINE) else [])
