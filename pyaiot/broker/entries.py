# SPDX-License-Identifier: BSD-3-Clause
"""Nodes, their values, and all else that can be told of them: what stands in the list of changes. Pure.

Each thing is one entry of that list however often it changes, and carries the version of its last change. What there is
no more, a departure for example, is a :class:`Notice`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

from pyaiot.wire.messages import JSON, OutReason

NodeState = Literal["online", "unreachable"]
GatewayState = Literal["connected", "resyncing", "away"]
NoticeKind = Literal["out", "reset", "dismissed"]
#: Why a node went: as its gateway said, or that was away for too long, or came back without it.
Why = OutReason | Literal["gateway", "forgotten"]


class Entry:
    """Something to tell: a place in the list of what changed when, and the version of its last change."""

    __slots__ = ("after", "before", "version")

    def __init__(self) -> None:
        self.version = -1
        self.before: Entry = self
        self.after: Entry = self

    def unlink(self) -> None:
        """Leave the list; harmless when not in one."""
        self.before.after = self.after
        self.after.before = self.before
        self.before = self.after = self

    def insert_before(self, place: Entry) -> None:
        """Enter the list just before ``place``."""
        self.before = place.before
        self.after = place
        place.before.after = self
        place.before = self


class Resource(Entry):
    """The newest value of one resource of a node; ``born`` is the version that it has been there and of one unit since.

    ``audience`` is a note of whoever tells changes: who is to hear of it. It is None when that is not known.
    """

    __slots__ = ("at", "audience", "born", "data", "name", "node", "unit", "value")

    def __init__(self, node: Node, name: str) -> None:
        super().__init__()
        self.node = node
        self.name = name
        self.data: JSON = None
        self.value: JSON = None
        self.unit: str | None = None
        self.at = -1
        self.born = -1
        self.audience: Any = None


class Node(Entry):
    """Our record of a device. Its uid is ``<gateway>/<uid at the gateway>``; times are Unix ms, as gateways give.

    ``account`` is that of its platform, if its gateway had it proved. After silence of ``timeout_ms`` its gateway takes
    it out, and ``interval_ms`` is how often it usually shows itself, as far as that is known.
    """

    __slots__ = (
        *("account", "again", "first_seen", "gateway", "last_seen", "protocol", "resources", "state", "uid"),
        *("abouts", "gone", "interval_ms", "liveness", "timeout_ms"),
    )

    def __init__(self, uid: str, gateway: str, protocol: str, at: int) -> None:
        super().__init__()
        self.uid = uid
        self.gateway = gateway
        self.protocol = protocol
        self.account: str | None = None
        self.first_seen = at
        self.last_seen = at
        self.state: NodeState = "online"
        self.resources: dict[str, Resource] = {}
        self.again: Again | None = None
        self.gone: Gone | None = None
        self.timeout_ms: int | None = None
        self.interval_ms: int | None = None
        #: Both are made when there is something to tell.
        self.liveness: Liveness | None = None
        self.abouts: dict[str, Description] | None = None


class Gone(NamedTuple):
    """Why and when a node went, in Unix ms; None: that is not known."""

    why: Why
    at: int | None


class Again(Entry):
    """That a node is there again after its gateway came back, or that it ``has_changed`` otherwise."""

    __slots__ = ("has_changed", "node")

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node
        self.has_changed = False


class Liveness(Entry):
    """That a node gave a sign of life without a value, or that its liveness is judged otherwise from here on."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


class Description(Entry):
    """What a resource of a node is, besides its values: ``about`` is that as JSON."""

    __slots__ = ("about", "name", "node")

    def __init__(self, node: Node, name: str, about: bytes) -> None:
        super().__init__()
        self.node = node
        self.name = name
        self.about = about


class Gateway(Entry):
    """Whether a gateway is there, and has told of its nodes again."""

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.state: GatewayState = "away"


class Notice(Entry):
    """That a node went ``out``, was ``reset``, or was ``dismissed`` after it went; for those who have not been told."""

    __slots__ = ("gone", "kind", "uid")

    def __init__(self, kind: NoticeKind, uid: str, gone: Gone | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.uid = uid
        self.gone = gone


class Retyping(Entry):
    """That a resource of a node came to have another unit: it may be none of those that somebody wants to hear of."""

    __slots__ = ("uid",)

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid


class Milestone(Entry):
    """Where the list ended when a bookmark was set at its beginning: who is there knows every node."""

    __slots__ = ()


#: Everything that can be told.
News: TypeAlias = Gateway | Node | Again | Resource | Liveness | Description | Notice | Retyping | Milestone
#: All of them but milestones, of which each is for one bookmark.
NEWS_TYPES = (Resource, Liveness, Node, Notice, Gateway, Again, Description, Retyping)
