# SPDX-License-Identifier: BSD-3-Clause
"""Tells what changes, in two ways: at once to whoever listens, and by the list of changes to all who come later. Pure.

The directory says here what happened to what it keeps; listeners hear of it before it forgets what had been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pyaiot.broker.change_list import ChangeList
from pyaiot.broker.entries import Again, Description, Gateway, Gone, Liveness, Node, Resource

ChangeKind = Literal["new", "update", "reset", "out"]
#: ``again``: a node is there again.
NewsKind = Literal["new", "again", "update", "reset", "out"]

OnChange = Callable[[ChangeKind, Node, Resource | None], None]
OnNews = Callable[[NewsKind, Node, Resource | None], None]
OnRetyping = Callable[[Resource, str | None], None]
OnGateway = Callable[[Gateway], None]
OnReported = Callable[[Node, Resource], None]
OnPresence = Callable[[Node, bool], None]
OnDetail = Callable[[Liveness | Description], None]
OnDismissed = Callable[[str], None]


class ChangeFeed:
    """Each listener is None while there is nobody for it. ``first_version``: see ChangeList."""

    def __init__(self, first_version: int = 0) -> None:
        #: What can be told to clients that are not live.
        self.changes = ChangeList(first_version)
        #: Called with each change at once, while there are live clients.
        self.on_change: OnChange | None = None
        #: The same for those who watch by ``/rpc``. What a node or resource had been is still there to be seen.
        self.on_news: OnNews | None = None
        #: Called with a resource, and the unit other than its own that it is about to have.
        self.on_retyping: OnRetyping | None = None
        #: Called when a gateway's state is another.
        self.on_gateway: OnGateway | None = None
        #: Called with each update, while anybody hears single nodes (see entities/exchange.py).
        self.on_reported: OnReported | None = None
        #: Called when a node is told to be there (true), also once more, and when it is out.
        self.on_presence: OnPresence | None = None
        #: Called with each detail (see details.py), while anybody watches with details …
        self.on_detail: OnDetail | None = None
        #: … and with the uid of a node that went, when that is to be forgotten.
        self.on_dismissed: OnDismissed | None = None

    # Updates are told where they are applied, in Directory.apply: they are the hot path.

    def appeared(self, node: Node) -> None:
        """``node`` is new."""
        self.changes.append(node)
        self._tell("new", node)
        self.present(node, True)

    def returned(self, node: Node, *, has_changed: bool) -> None:
        """``node`` is there again, or is another than it was."""
        if node.again is None:
            node.again = Again(node)
        node.again.has_changed |= has_changed
        self.changes.append(node.again)
        if self.on_news is not None:
            self.on_news("again", node, None)

    def reset(self, node: Node) -> None:
        """The values of ``node`` are void; they are forgotten after this."""
        for resource in node.resources.values():
            resource.unlink()
        self.changes.notify("reset", node.uid)
        self._tell("reset", node)

    def departed(self, node: Node, gone: Gone) -> None:
        """``node`` is out: there is nothing more to tell of it."""
        for resource in node.resources.values():
            resource.unlink()
        for description in (node.abouts or {}).values():
            description.unlink()
        for entry in (node, node.again, node.liveness):
            if entry is not None:
                entry.unlink()
        self.changes.notify("out", node.uid, gone)
        self._tell("out", node)
        self.present(node, False)

    def retyped(self, resource: Resource, new_unit: str | None) -> None:
        """What ``resource`` is about may be another from here on: for some it is as if new, for some as if gone."""
        resource.born = self.changes.version
        self.changes.notify_retyping(resource.node.uid)
        if self.on_retyping is not None:
            self.on_retyping(resource, new_unit)
        resource.audience = None

    def gateway_changed(self, gateway: Gateway) -> None:
        """The state of ``gateway`` is another."""
        self.changes.append(gateway)
        if self.on_gateway is not None:
            self.on_gateway(gateway)

    def detailed(self, detail: Liveness | Description) -> None:
        """Something is known of a node besides its values."""
        self.changes.append(detail)
        if self.on_detail is not None:
            self.on_detail(detail)

    def dismissed(self, uid: str) -> None:
        """That the node ``uid`` was there is to be forgotten."""
        self.changes.notify("dismissed", uid)
        if self.on_dismissed is not None:
            self.on_dismissed(uid)

    def present(self, node: Node, is_there: bool) -> None:
        """``node`` was told to be there, or is out."""
        if self.on_presence is not None:
            self.on_presence(node, is_there)

    def _tell(self, kind: ChangeKind, node: Node) -> None:
        if self.on_change is not None:
            self.on_change(kind, node, None)
        if self.on_news is not None:
            self.on_news(kind, node, None)
