# SPDX-License-Identifier: BSD-3-Clause
"""Which node is meant by a platform's id of a device: one that is there, or one that was. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot.broker.actuations import NotPossible, is_of
from pyaiot.broker.directory import Directory
from pyaiot.wire.names import PEER_GATEWAY

#: Nodes that are out and not forgotten; the one that went first is forgotten first.
MAX_DEPARTED: Final = 10_000

#: What a service is told that means a device of an account that the device does not belong to.
OTHERS: Final = "the device belongs to another account"


@dataclass(frozen=True, slots=True)
class Addressee:
    """A node by its ``uid``; ``device`` is what its gateway calls it. ``there``: it can be written to.

    ``account`` is the one that the device has proved to belong to, if it has.
    """

    uid: str
    device: str
    protocol: str
    account: str | None
    there: bool


class Addressees:
    """Finds nodes by their ids in the directory, and remembers protocol and account of those that went out."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._departed: dict[str, tuple[str, str | None]] = {}

    def arrived(self, uid: str) -> None:
        """The node is there."""
        self._departed.pop(uid, None)

    def departed(self, uid: str, protocol: str, account: str | None = None) -> None:
        """The node is out."""
        if uid.startswith(f"{PEER_GATEWAY}/"):
            return  # programs come and go by thousands, and are to push out no device
        self._departed[uid] = protocol, account
        if len(self._departed) > MAX_DEPARTED:
            del self._departed[next(iter(self._departed))]

    def is_there(self, uid: str) -> bool:
        """Whether the node can be written to now."""
        node = self._directory.nodes.get(uid)
        return node is not None and node.state == "online" and self._directory.owners[node.gateway].connected

    def is_of(self, uid: str, accounts: Sequence[str]) -> bool:
        """Whether the node, if there is one, can be the one that is meant by ``accounts``."""
        node = self._directory.nodes.get(uid)
        return node is None or is_of(node.account, accounts)

    def find(self, device: str, transport: str, accounts: Sequence[str] = ()) -> Addressee:
        """The node that a platform calls ``device``. Raises NotPossible: ``unknown``, ``ambiguous`` or ``refused``.

        One of another account than one of ``accounts`` is never meant, and one that is known to be of just that
        account goes before those of none.
        Of several gateways' nodes it is the only one that is not out; of several such, the only one of the
        ``transport`` that can be written to. One that is out is meant only if no other has that id: whoever can take
        an id at one gateway neither gets nor stops what is for the same id at another. ``<gateway>/<id>`` means just
        that one.
        """
        # Whoever registers under the id of a device takes no command from it: peers are meant by peer/<id> only.
        gateways = (gateway for gateway in self._directory.owners if gateway != PEER_GATEWAY)
        uids = [device] if "/" in device else [f"{gateway}/{device}" for gateway in gateways]
        found = [each for uid in uids if (each := self._look_up(uid)) is not None]
        if not found:
            raise NotPossible("unknown", "there is no such device")
        found = [each for each in found if is_of(each.account, accounts)]
        if not found:
            raise NotPossible("refused", OTHERS)
        if accounts:
            found = [each for each in found if each.account is not None] or found
        # Unreachable nodes count as well: while a gateway is away for a moment, its nodes' commands go to no other.
        candidates = [each for each in found if each.uid in self._directory.nodes] or found
        for narrowed in (candidates, [each for each in candidates if each.there and each.protocol == transport]):
            if len(narrowed) == 1:
                return narrowed[0]
        several = " and ".join(sorted(each.uid for each in candidates)[:2])
        raise NotPossible("ambiguous", f"{several} have that deviceId: say which, as <gateway>/<id>")

    def _look_up(self, uid: str) -> Addressee | None:
        node = self._directory.nodes.get(uid)
        known = self._departed.get(uid) if node is None else (node.protocol, node.account)
        if known is None:
            return None
        protocol, account = known
        return Addressee(uid, uid.partition("/")[2], protocol, account, self.is_there(uid))
