# SPDX-License-Identifier: BSD-3-Clause
"""Whose the ids of devices are: of the account that a token first proved each for (PROTOCOL.md section 1.3). Pure.

Kept as text, so that it outlives the gateway: an id a line, and behind it its account, if it has one, oldest first::

    # Which account the ids of devices were proved for. To be changed with: aiot device release ID
    jim acc-2
    joe
    # end
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from pyaiot.gateway.device_tokens.tokens import MAX_ACCOUNT
from pyaiot.wire.names import is_name

#: Ids that are kept, and the bytes of the lines that say them. Where there is no room for one more, the one of the
#: same account that was proved longest ago is forgotten, or if it is the account's first one, the oldest of all.
MAX_OWNED: Final = 20_000
MAX_OWNED_BYTES: Final = 3 * 1024 * 1024

_HEAD: Final = "# Which account the ids of devices were proved for. To be changed with: aiot device release ID"
#: A file that is cut short must not be taken for one that says less.
_END: Final = "# end"

#: No account is called so: an empty name is none.
_NOBODY: Final = ""

#: Accounts by id, the id proved longest ago first; None: its token names none, which is an owner like any other.
Accounts: TypeAlias = dict[str, str | None]


class BadOwners(ValueError):
    """The text does not say whose ids are; ``str()`` says where it is wrong, and quotes nothing."""


class Owners:
    """The ids that were proved. ``unsaved`` are not in the file yet, and ``forgotten`` still are."""

    def __init__(self) -> None:
        self.accounts: Accounts = {}
        self.unsaved: Accounts = {}
        self.forgotten: dict[str, None] = {}
        #: How many had to make room, since the start.
        self.crowded_out = 0
        self._ids: dict[str | None, dict[str, None]] = {}
        self._bytes = 0

    def __contains__(self, uid: str) -> bool:
        return uid in self.accounts

    def __len__(self) -> int:
        return len(self.accounts)

    def admits(self, uid: str, account: str | None) -> bool:
        """Whether ``uid`` is nobody's yet, or that account's."""
        return uid not in self.accounts or self.accounts[uid] == account

    def prove(self, uid: str, account: str | None) -> None:
        """A good token of ``account`` was shown for ``uid``; whoever calls this has asked whether it :meth:`admits`."""
        is_new = uid not in self.accounts
        self._take_out(uid)
        self._put_in(uid, account)
        if is_new:
            self.unsaved[uid] = account

    def adopt(self, saved: Mapping[str, str | None]) -> list[str]:
        """``saved`` is what holds from now on, besides what is still in ``unsaved``; the ids that lost their owner.

        Where both know an id ``saved`` holds. One that has to make room has not lost it, while its device is there.
        """
        mine, unsaved = self.accounts, self.unsaved
        # Of 20,000 ids hardly any has changed, and the event loop waits.
        others = [uid for uid, account in mine.items() if saved.get(uid, _NOBODY) != account]
        lost = [uid for uid in others if uid in saved or uid not in unsaved]
        for uid in lost:
            self._take_out(uid)
        self.unsaved = {uid: account for uid, account in unsaved.items() if uid not in saved}
        for uid in [uid for uid in saved if uid not in mine]:
            if uid not in self.forgotten:
                self._put_in(uid, saved[uid])
        return lost

    def _put_in(self, uid: str, account: str | None) -> None:
        self.accounts[uid] = account
        self.forgotten.pop(uid, None)
        ids = self._ids.setdefault(account, {})
        ids[uid] = None
        self._bytes += _size(uid, account)
        while len(self.accounts) > MAX_OWNED or self._bytes > MAX_OWNED_BYTES:
            oldest = next(iter(ids)) if len(ids) > 1 else next(iter(self.accounts))
            self._take_out(oldest)
            if oldest in self.unsaved:
                del self.unsaved[oldest]
            else:
                self.forgotten[oldest] = None
            self.crowded_out += 1

    def _take_out(self, uid: str) -> None:
        if uid in self.accounts:
            account = self.accounts.pop(uid)
            self._bytes -= _size(uid, account)
            ids = self._ids[account]
            del ids[uid]
            if not ids:
                del self._ids[account]


def merge(saved: Accounts | None, known: Accounts, unsaved: Accounts, forgotten: Mapping[str, None]) -> Accounts:
    """What is to be saved where ``saved`` is what was (None: there is nothing), and the rest what Owners has.

    Of what others have changed in ``saved`` nothing is lost: what they took out of it stays out.
    """
    if saved is None:
        return dict(known)
    if not unsaved and not forgotten:
        return saved
    wanted = {uid: account for uid, account in saved.items() if uid not in forgotten}
    for uid, account in unsaved.items():
        wanted.setdefault(uid, account)
    # In the order of their last proof, as far as that is known here.
    ordered = {uid: account for uid, account in wanted.items() if uid not in known}
    ordered.update((uid, wanted[uid]) for uid in known if uid in wanted)
    return ordered


def bounded(accounts: Accounts) -> Accounts:
    """``accounts`` without those that have to make room."""
    owners = Owners()
    owners.adopt(accounts)
    return owners.accounts


def parse(text: str) -> Accounts:
    """Read what :func:`render` wrote; raises BadOwners."""
    lines = text.split("\n")
    if len(lines) < 2 or lines[-2:] != [_END, ""]:
        raise BadOwners("it is cut short")
    accounts: Accounts = {}
    for number, line in enumerate(lines[:-2], 1):
        if not line or line.startswith("#"):
            continue
        uid, blank, account = line.partition(" ")
        if not is_name(uid) or (blank and not 0 < len(account) <= MAX_ACCOUNT) or not account.isprintable():
            raise BadOwners(f"line {number} is not an id and its account")
        if uid in accounts:
            raise BadOwners(f"line {number} says an id again")
        if len(accounts) == MAX_OWNED:
            raise BadOwners(f"it has more than {MAX_OWNED} ids")
        accounts[uid] = account if blank else None
    return accounts


def render(accounts: Mapping[str, str | None]) -> str:
    """The text that says ``accounts``."""
    lines = [uid if account is None else f"{uid} {account}" for uid, account in accounts.items()]
    return "\n".join([_HEAD, *lines, _END, ""])


def _size(uid: str, account: str | None) -> int:
    return len(uid) + 1 + (0 if account is None else 1 + len(account.encode()))
