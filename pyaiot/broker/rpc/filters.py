# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes and resources a program wants to hear of (PROTOCOL.md section 3.5). Pure.

A glob is matched in time linear in the text for each of its parts between two ``*``: no pattern that a client sends
takes long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec

from pyaiot.broker.entries import Node, Resource
from pyaiot.broker.rpc.resource_type import resource_type
from pyaiot.rpc.errors import RpcError

#: Texts in one condition, of which one must hold …
MAX_VALUES = 32
#: … and characters in each: the longest uid.
MAX_CHARACTERS = 129

#: What the globs of one filter may cost, in steps; to make them ready takes longer than to match them once.
MAX_GLOB_STEPS = 64
#: Characters of a glob that cost as much as one more glob.
_COSTLY_CHARACTERS = 32

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARACTERS)]
#: A condition as it comes in parameters.
Condition: TypeAlias = Text | Annotated[list[Text], msgspec.Meta(min_length=1, max_length=MAX_VALUES)] | None


@dataclass(frozen=True, slots=True)
class Glob:
    """``*`` stands for any characters, ``?`` for one; everything else for itself."""

    text: str

    @property
    def expression(self) -> str:
        """As one that never goes back behind a ``*``: each part is found at its first place, for good."""
        first, *parts = (re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", self.text))
        if not parts:
            return first
        *between, last = parts
        return "".join([first, *(f"(?>.*?{part})" for part in between), f".*{last}"])

    @property
    def steps(self) -> int:
        """What it costs to match one text, in steps of some tenths of a microsecond, a whole one at worst."""
        return 1 if self.literal == self.text else 1 + len(self.text) // _COSTLY_CHARACTERS

    @property
    def literal(self) -> str:
        """What every match begins with."""
        found = re.match(r"[^*?]*", self.text)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Filter:
    """All conditions that are not empty must hold. Two filters that say the same are equal."""

    gateways: frozenset[str] = frozenset()
    uids: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    globs: frozenset[Glob] = frozenset()

    @classmethod
    def of(
        cls,
        gateway: Condition = None,
        uid: Condition = None,
        resource: Condition = None,
        type: Condition = None,
        glob: Condition = None,
    ) -> Filter:
        """From parameters; raises RpcError (invalid parameters) where a condition is empty, long or of many texts."""
        made = cls(
            _texts("gateway", gateway),
            _texts("uid", uid),
            _texts("resource", resource),
            _texts("type", type),
            frozenset(map(Glob, _texts("glob", glob))),
        )
        if made.glob_steps > MAX_GLOB_STEPS:
            raise RpcError.invalid_params("glob: too many that are long")
        return made

    @property
    def glob_steps(self) -> int:
        """What its globs cost for each resource, in steps: see Glob."""
        return sum(glob.steps for glob in self.globs)

    @property
    def is_about_resources(self) -> bool:
        """Whether a node is meant only while it has a resource that is."""
        return bool(self.resources or self.types or self.globs)

    @property
    def only_uids(self) -> frozenset[str] | None:
        """The only nodes that can be meant, as far as the filter names them; None: any."""
        if self.uids:
            return self.uids
        heads = [glob.literal.split("/") for glob in self.globs]
        if heads and all(len(head) > 2 for head in heads):
            return frozenset("/".join(head[:2]) for head in heads)
        return None

    @property
    def only_gateways(self) -> frozenset[str] | None:
        """The only gateways whose nodes can be meant, as far as the filter names them; None: any."""
        if self.gateways:
            return self.gateways
        if self.uids:
            return frozenset(uid.partition("/")[0] for uid in self.uids)
        if self.globs and all("/" in glob.literal for glob in self.globs):
            return frozenset(glob.literal.partition("/")[0] for glob in self.globs)
        return None

    def may_mean(self, gateway: str, uid: str) -> bool:
        """Whether the conditions on nodes hold, and those on resources may, by what its resources are called."""
        if self.gateways and gateway not in self.gateways:
            return False
        if self.uids and uid not in self.uids:
            return False
        if not self.globs:
            return True
        path = uid + "/"
        return any(path.startswith(glob.literal) or glob.literal.startswith(path) for glob in self.globs)


class Matcher:
    """A filter, ready to be asked often."""

    def __init__(self, filter: Filter) -> None:
        self.filter = filter
        #: What it costs to ask for one resource, in steps: see Glob.
        self.steps = 1 + filter.glob_steps
        expressions = [glob.expression for glob in filter.globs]
        self._glob = re.compile("|".join(expressions), re.DOTALL).fullmatch if expressions else None

    def means(self, gateway: str, uid: str, resource: str, type: str) -> bool:
        """Whether the filter means this resource of this node."""
        filter = self.filter
        return (
            (not filter.uids or uid in filter.uids)
            and (not filter.resources or resource in filter.resources)
            and (not filter.types or type in filter.types)
            and (not filter.gateways or gateway in filter.gateways)
            and (self._glob is None or self._glob(f"{uid}/{resource}") is not None)
        )

    def means_resource(self, resource: Resource) -> bool:
        """The same of a resource as it is."""
        node, name, filter = resource.node, resource.name, self.filter
        type = resource_type(name, resource.unit) if filter.types else ""  # nobody asks for it otherwise
        return self.means(node.gateway, node.uid, name, type)

    def means_node(self, node: Node) -> bool:
        """Whether the filter means the node: where it is about resources, whether it means one that the node has."""
        if not self.filter.is_about_resources:
            return self.filter.may_mean(node.gateway, node.uid)
        return any(map(self.means_resource, node.resources.values()))


def _texts(name: str, condition: Condition) -> frozenset[str]:
    if condition is None:
        return frozenset()
    texts = [condition] if isinstance(condition, str) else condition
    if not 1 <= len(texts) <= MAX_VALUES:
        raise RpcError.invalid_params(f"{name}: 1 to {MAX_VALUES} texts")
    if not all(1 <= len(text) <= MAX_CHARACTERS for text in texts):
        raise RpcError.invalid_params(f"{name}: texts of 1 to {MAX_CHARACTERS} characters")
    return frozenset(texts)
