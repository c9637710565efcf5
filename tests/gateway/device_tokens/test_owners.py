# SPDX-License-Identifier: BSD-3-Clause
"""Whose ids are: who may have one, what is forgotten where there is no room, and what two gateways make of one file."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyaiot.gateway.device_tokens import owners as module
from pyaiot.gateway.device_tokens.owners import Accounts, BadOwners, Owners, bounded, merge, parse, render
from pyaiot.private_file import MAX_FILE_BYTES

IDS = st.text("abcAZ09._:-", min_size=1, max_size=64)
ACCOUNTS = st.none() | st.text(min_size=1, max_size=128).filter(str.isprintable)


def proved(**accounts: str | None) -> Owners:
    owners = Owners()
    for uid, account in accounts.items():
        owners.prove(uid, account)
    return owners


def test_an_id_is_that_of_the_account_that_proved_it_first_and_of_no_other() -> None:
    owners = proved(joe="a", jim=None)
    assert [owners.admits("joe", account) for account in ("a", "b", None)] == [True, False, False]
    assert [owners.admits("jim", account) for account in ("a", None)] == [False, True]
    assert all(owners.admits("new", account) for account in ("a", None))
    assert ("joe" in owners, "new" in owners, len(owners)) == (True, False, 2)


def test_what_is_new_is_to_be_saved_and_what_is_not_is_not() -> None:
    owners = proved(joe="a")
    assert owners.unsaved == {"joe": "a"}
    owners.unsaved.clear()
    owners.prove("joe", "a")
    assert owners.unsaved == {}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(IDS, ACCOUNTS))
def test_what_is_written_is_what_is_read(accounts: Accounts) -> None:
    found = parse(render(accounts))
    assert list(found.items()) == list(accounts.items())


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "joe", "joe a\n", "# end", "joe a\n# en", "joe a\n# end\nx", "joe a\n# end\n\n"),
        *("j/oe a\n# end\n", " joe\n# end\n", "joe \n# end\n", "joe a\tb\n# end\n", "joe a\njoe b\n# end\n"),
        *("joe " + "x" * 129 + "\n# end\n", "joe\x00\n# end\n", "joe a\r\n# end\n", "joe a\u2028b\n# end\n"),
    ],
)
def test_what_is_no_such_file_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadOwners):
        parse(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(IDS, ACCOUNTS, min_size=1), st.data())
def test_a_file_that_was_cut_short_is_never_taken_for_one_that_says_less(
    accounts: Accounts, data: st.DataObject
) -> None:
    text = render(accounts)
    with pytest.raises(BadOwners):
        parse(text[: data.draw(st.integers(0, len(text) - 1))])


def test_an_account_that_has_many_ids_makes_room_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OWNED", 4)
    owners = proved(one="a", two="b", three="b", four="b")
    for number in range(20):
        owners.prove(f"n{number}", "b")
    assert owners.accounts == {"one": "a", "n17": "b", "n18": "b", "n19": "b"}
    assert owners.crowded_out == 20
    assert (owners.unsaved, owners.forgotten) == (owners.accounts, {}), "nothing is kept of what was never saved"
    owners.unsaved.clear()
    owners.prove("one", "a")
    owners.prove("two", "c")
    assert owners.accounts == {"n18": "b", "n19": "b", "one": "a", "two": "c"}, "the oldest of all gives way to a first"
    assert "n17" in owners.forgotten
    owners.prove("n17", "c")
    assert "n17" not in owners.forgotten


def test_a_full_file_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = Owners()
    for number in range(module.MAX_OWNED):
        owners.prove(f"{number:064}", f"{number:0127}é")
    assert owners.crowded_out > 0
    text = render(owners.accounts)
    assert len(text.encode()) < MAX_FILE_BYTES
    assert parse(text) == owners.accounts


def test_what_others_changed_in_the_file_is_not_lost() -> None:
    known: Accounts = {"mine": "a", "released": "a", "same": "a", "new": "b"}
    saved: Accounts = {"same": "a", "theirs": "c", "mine": "a", "gone": "a"}
    merged = merge(saved, known, {"new": "b", "theirs": "b"}, {"gone": None})
    assert list(merged.items()) == [("theirs", "c"), ("mine", "a"), ("same", "a"), ("new", "b")]
    assert merge(None, known, {}, {}) == known, "a file that is gone releases nobody"
    assert merge({}, known, {}, {}) == {}, "one that says so does"


def test_who_lost_an_id_by_the_file_is_told_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = proved(kept="a", released="a", taken="a")
    owners.unsaved.clear()
    owners.prove("new", "a")
    assert owners.adopt({"kept": "a", "taken": "b"}) == ["released", "taken"]
    assert (owners.accounts, owners.unsaved) == ({"kept": "a", "taken": "b", "new": "a"}, {"new": "a"})
    monkeypatch.setattr(module, "MAX_OWNED", 3)
    assert owners.adopt({"kept": "a", "taken": "b", "new": "a", "theirs": "b"}) == [], "to make room ends no connection"
    assert (owners.accounts, owners.unsaved) == ({"kept": "a", "new": "a", "theirs": "b"}, {})
    assert list(owners.forgotten) == ["taken"]
    assert owners.adopt({"kept": "a", "taken": "b", "new": "a", "theirs": "b"}) == []
    assert "taken" not in owners, "it is to be taken out of the file yet"
    monkeypatch.setattr(module, "MAX_OWNED", 2)
    assert bounded({"a": None, "b": None, "c": None}) == {"b": None, "c": None}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(IDS, ACCOUNTS), max_size=30))
def test_the_bookkeeping_holds(proofs: list[tuple[str, str | None]]) -> None:
    owners = Owners()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_OWNED", 5)
        for uid, account in proofs:
            if owners.admits(uid, account):
                owners.prove(uid, account)
            assert len(owners) <= 5
            assert {uid: account for account, ids in owners._ids.items() for uid in ids} == owners.accounts
            assert owners._bytes == len(render(owners.accounts).encode()) - len(render({}).encode())
            assert not owners.forgotten.keys() & owners.accounts.keys()
