# SPDX-License-Identifier: BSD-3-Clause
"""Methods that a peer may call: what they are called, what they take, what they give. Pure.

Only what was declared here is ever called: a name from the wire is looked up in a table, never on an object.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.messages import Params
from pyaiot.wire.messages import JSON

#: Of what is wrong with a parameter so much is told.
MAX_REASON: Final = 200
#: A first parameter of this name is whoever serves the call's to give, not the caller's.
CALLER: Final = "caller"

_MARK: Final = "__rpc_name__"
_F = TypeVar("_F", bound=Callable[..., Any])
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Parameter:
    """``type`` is what msgspec checks; ``many``: all further ones by position (``*numbers``)."""

    name: str
    type: Any
    required: bool
    default: Any = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One method. ``needs`` is what its caller must be allowed to do, for whoever serves it to judge."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    result: Any
    description: str
    needs: str | None
    takes_caller: bool
    _struct: type[msgspec.Struct]
    _names: tuple[str, ...]

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], *, needs: str | None = None, result: Any = None) -> Method:
        """Declare ``function``: its annotations are what is checked, its docstring what is told.

        ``result`` is the type of what it gives, where its annotation does not say (an answer that comes later).
        Raises ValueError for a reserved name, TypeError for parameters that JSON-RPC cannot give.
        """
        if not name or name.startswith(("_", "rpc.")):
            raise ValueError(f"{name!r} cannot be declared: names that begin with _ or rpc. are reserved")
        return cls.reserved(name, function, needs=needs, result=result)

    @classmethod
    def reserved(
        cls, name: str, function: Callable[..., Any], *, needs: str | None = None, result: Any = None
    ) -> Method:
        """As :meth:`of`, for extensions of the protocol itself, such as ``rpc.discover``."""
        hints = typing.get_type_hints(function, include_extras=True)
        found: list[Parameter] = []
        takes_caller = False
        for place, each in enumerate(inspect.signature(function).parameters.values()):
            if place == 0 and each.name == CALLER:
                takes_caller = True
                continue
            many = each.kind is inspect.Parameter.VAR_POSITIONAL
            if each.kind not in _POSITIONAL and not many:
                raise TypeError(f"{name}: the parameter {each.name} cannot be given by position")
            required = each.default is inspect.Parameter.empty and not many
            default = None if required or many else each.default
            found.append(Parameter(each.name, hints.get(each.name, Any), required, default, many))
        fields: list[Any] = []
        for parameter in found:
            if parameter.many:
                fields.append((parameter.name, list[parameter.type], msgspec.field(default_factory=list)))  # type: ignore[name-defined]
            elif parameter.required:
                fields.append((parameter.name, parameter.type))
            else:
                fields.append(
                    (parameter.name, parameter.type, msgspec.field(default_factory=_giving(parameter.default)))
                )
        struct = msgspec.defstruct("Params", fields, forbid_unknown_fields=True, gc=False)
        given = result if result is not None else hints.get("return", Any)
        words = inspect.getdoc(function) or ""
        names = tuple(parameter.name for parameter in found)
        return cls(name, function, tuple(found), given, words, needs, takes_caller, struct, names)

    def call(self, params: Params, caller: object = None) -> Any:
        """Call it with parameters from the wire. Raises RpcError ``invalid_params``, and whatever the function does."""
        arguments = self.bind(params)
        return self.function(caller, *arguments) if self.takes_caller else self.function(*arguments)

    def bind(self, params: Params) -> tuple[Any, ...]:
        """The function's arguments. Raises RpcError: too few, too many, unknown, or of another type."""
        if params is None:
            named: dict[str, JSON] = {}
        elif isinstance(params, dict):
            named = params
        else:
            named = self._by_position(params)
        try:
            arguments = msgspec.structs.astuple(msgspec.convert(named, self._struct))
        except msgspec.ValidationError as error:
            raise RpcError.invalid_params(str(error)[:MAX_REASON]) from None
        if self.parameters and self.parameters[-1].many:
            return (*arguments[:-1], *arguments[-1])
        return arguments

    def _by_position(self, params: list[JSON]) -> dict[str, JSON]:
        names = self._names
        if self.parameters and self.parameters[-1].many:
            fixed = len(names) - 1
            named = dict(zip(names[:fixed], params, strict=False))
            named[names[-1]] = params[fixed:]
            return named
        if len(params) > len(names):
            raise RpcError.invalid_params(f"{len(params)} are given, and it takes at most {len(names)}")
        return dict(zip(names, params, strict=False))


class MethodTable:
    """All methods of one service, by name."""

    def __init__(self, methods: Iterable[Method] = ()) -> None:
        self._methods: dict[str, Method] = {}
        for each in methods:
            self.add(each)

    def __iter__(self) -> Iterator[Method]:
        return iter(self._methods.values())

    def add(self, method: Method) -> None:
        """Raises ValueError: there is one of that name."""
        if method.name in self._methods:
            raise ValueError(f"{method.name} is declared twice")
        self._methods[method.name] = method

    def find(self, name: str) -> Method:
        """Raises RpcError ``method_not_found``."""
        found = self._methods.get(name)
        if found is None:
            raise RpcError.method_not_found(name)
        return found

    @classmethod
    def declared_in(cls, service: object) -> MethodTable:
        """The methods of ``service`` that its class, or a class above it, marked with :func:`method`."""
        marked: dict[str, str] = {}  # attribute, name on the wire
        for each in reversed(type(service).__mro__):
            for attribute, function in vars(each).items():
                if (name := getattr(function, _MARK, None)) is not None:
                    marked[attribute] = name
        return cls(Method.of(name, getattr(service, attribute)) for attribute, name in marked.items())


@typing.overload
def method(function: _F, /) -> _F: ...
@typing.overload
def method(name: str, /) -> Callable[[_F], _F]: ...
def method(function: Any, /) -> Any:
    """Mark a function of a class as callable by peers: ``@method``, or ``@method("name on the wire")``."""
    if isinstance(function, str):
        return lambda marked: _mark(marked, function)
    return _mark(function, function.__name__)


def _mark(function: _F, name: str) -> _F:
    setattr(function, _MARK, name)
    return function


def _giving(value: Any) -> Callable[[], Any]:
    return lambda: value
