# SPDX-License-Identifier: BSD-3-Clause
"""What an entity says of itself when it registers: types that are valid from birth (PROTOCOL.md section 3.5). Pure."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.wire.messages import JSON

#: Methods of one entity, and parameters of one method.
MAX_METHODS: Final = 64
MAX_PARAMETERS: Final = 16
#: Characters of a topic, or of a method that is asked for.
MAX_TOPIC: Final = 64
#: What an entity is of when it says nothing else.
DEFAULT_TYPE: Final = "default"
#: What can be said of tokens: long enough that nobody guesses one, short enough to be hashed at each registration.
MIN_TOKEN: Final = 8
MAX_TOKEN: Final = 256

#: What terminals obey, and what ends a line or turns its direction.
_UNPRINTABLE: Final = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
#: The end of the text, also for JavaScript: rpc.discover tells the patterns. Python's ``$`` lets a newline by.
_END: Final = r"$(?!\n)"
_PRINTABLE: Final = rf"^[^{_UNPRINTABLE}]+{_END}"

EntityId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}" + _END)]
EntityType = Annotated[str, msgspec.Meta(max_length=64, pattern=_PRINTABLE)]
#: ``rpc.`` is kept for what JSON-RPC itself may have (JSON-RPC 2.0 section 4); what begins with ``_`` is nobody else's.
MethodName = Annotated[str, msgspec.Meta(max_length=64, pattern=rf"^(?!rpc\.|_)[^{_UNPRINTABLE}]+{_END}")]
TypeName = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=1_024)]
Token = Annotated[str, msgspec.Meta(min_length=MIN_TOKEN, max_length=MAX_TOKEN)]


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter of a method; ``type`` is for people."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    type: TypeName | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    required: bool | UnsetType = UNSET


class Returned(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a method answers."""

    type: TypeName | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class MethodDescription(msgspec.Struct, frozen=True, omit_defaults=True):
    """One method that an entity offers; ``params`` is UNSET where it does not say which it takes."""

    name: MethodName
    description: Text | UnsetType = UNSET
    params: Annotated[tuple[Parameter, ...], msgspec.Meta(max_length=MAX_PARAMETERS)] | UnsetType = UNSET
    result: Returned | UnsetType = UNSET

    def positional(self, params: JSON) -> list[JSON]:
        """``params`` by position, for who takes no others. Names that the method does not say come as one object."""
        if params is None:
            return []
        if isinstance(params, list):
            return params
        declared = () if self.params is UNSET else tuple(each.name for each in self.params)
        if not isinstance(params, dict) or not set(params) <= set(declared):
            return [params]
        given = [params.get(name) for name in declared]
        while given and declared[len(given) - 1] not in params:
            given.pop()
        return given

    def takes(self, count: int) -> bool:
        """Whether it can be called with ``count`` parameters by position, as far as it says."""
        if self.params is UNSET:
            return True
        least = sum(each.required is not False for each in self.params)
        return least <= count <= len(self.params)


Methods = Annotated[tuple[MethodDescription, ...], msgspec.Meta(max_length=MAX_METHODS)]
