# SPDX-License-Identifier: BSD-3-Clause
"""What a write to a token device is called on the device's platform: component, command and parameter. Pure.

A platform knows no resources; it actuates a *component* of a device by a *command* with *parameters*. Which resource
is which, a TOML file says (``--actuation-map``), for all devices or for one::

    [resources.led]                      # everything here may be left out
    component = "LED"                    # default: the resource
    command = "LED.v1.0"                 # default: the resource in capitals, and .v1.0
    parameter = "LED"                    # default: the resource in capitals

    [devices.joe.led]                    # of the device joe; what is left out is as above
    component = "436e7e74-6771-4898-9057-26932f5eb7e1"

The broker reads it the other way: which resource a platform's command is for (``POST /v1/actuations``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from pyaiot.wire.names import is_name, is_resource

#: The longest file, in bytes, and the longest name in it, in characters.
MAX_MAP_BYTES: Final = 1_048_576
MAX_NAME: Final = 128
#: What follows a resource's name in the name of its command, where the map says nothing.
COMMAND_SUFFIX: Final = ".v1.0"


class BadMap(ValueError):
    """The file is no such map; ``str()`` says what is wrong with it."""


class Ambiguous(ValueError):
    """Several resources of one device are actuated by the same; ``str()`` names them."""


@dataclass(frozen=True, slots=True)
class Actuator:
    """What actuates one resource of one device."""

    component: str
    command: str
    parameter: str

    @classmethod
    def of(cls, resource: str) -> Actuator:
        """What a resource is called where no map says otherwise: ``led`` is the parameter LED of LED.v1.0."""
        return cls(resource, resource.upper() + COMMAND_SUFFIX, resource.upper())


_Resources: TypeAlias = Mapping[Actuator, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ActuationMap:
    """What the file says: ``resources`` of all devices, and those of single ``devices`` by their ids."""

    resources: Mapping[str, Actuator] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, Actuator]] = field(default_factory=dict)

    def actuator(self, device: str, resource: str) -> Actuator:
        """What actuates ``resource`` of ``device``."""
        return self.devices.get(device, {}).get(resource) or self.resources.get(resource) or Actuator.of(resource)

    def named(self, device: str) -> list[str]:
        """The resources that the file names for ``device``: it has them, also if it never reports them."""
        return sorted({*self.resources, *self.devices.get(device, {})})

    def reversed(self) -> ReversedMap:
        """The same, to be asked what resource an actuator is; made once."""
        return ReversedMap(
            self, _by_actuator(self.resources), {device: _by_actuator(own) for device, own in self.devices.items()}
        )


@dataclass(frozen=True, slots=True)
class ReversedMap:
    """An :class:`ActuationMap` the other way: :meth:`resource` is the inverse of its ``actuator``."""

    forward: ActuationMap
    shared: _Resources
    own: Mapping[str, _Resources]

    def resource(self, device: str, actuator: Actuator) -> str | None:
        """The resource of ``device`` that is actuated so; one that the file names comes first.

        None: there is none. Raises Ambiguous.
        """
        entries = self.forward.devices.get(device, {})
        named = [
            *self.own.get(device, {}).get(actuator, ()),
            *(resource for resource in self.shared.get(actuator, ()) if resource not in entries),
        ]
        if len(named) > 1:
            raise Ambiguous(f"by the actuation map that is {' and also '.join(sorted(named)[:2])}")
        if named:
            return named[0]
        unnamed = actuator.component
        if is_resource(unnamed) and self.forward.actuator(device, unnamed) == actuator:
            return unnamed
        return None


def parse_map(text: str) -> ActuationMap:
    """Read the text of a file; raises BadMap."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise BadMap(f"it is not TOML: {' '.join(str(error).split())[:200]}") from None
    for name in document:
        if name not in ("resources", "devices"):
            raise BadMap(f"[{name[:40]}] is neither [resources.<resource>] nor [devices.<id>.<resource>]")
    resources = {
        resource: _actuator(f"resources.{resource}", entry, Actuator.of(resource))
        for resource, entry in _resources("resources", document.get("resources", {}))
    }
    devices: dict[str, dict[str, Actuator]] = {}
    for device, entries in _table("devices", document.get("devices", {})).items():
        if not is_name(device):
            raise BadMap(f"[devices]: {device[:80]!r} is not 1 to 64 characters of A-Z a-z 0-9 . _ : -")
        place = f"devices.{device}"
        devices[device] = {
            resource: _actuator(f"{place}.{resource}", entry, resources.get(resource) or Actuator.of(resource))
            for resource, entry in _resources(place, entries)
        }
    return ActuationMap(resources, devices)


def _by_actuator(entries: Mapping[str, Actuator]) -> _Resources:
    found: dict[Actuator, tuple[str, ...]] = {}
    for resource, actuator in entries.items():
        found[actuator] = (*found.get(actuator, ()), resource)
    return found


def _resources(place: str, entries: Any) -> list[tuple[str, Any]]:
    found = list(_table(place, entries).items())
    for resource, _ in found:
        if not is_resource(resource):
            raise BadMap(f"[{place}]: no resource can be called {resource[:80]!r}")
    return found


def _actuator(place: str, entry: Any, default: Actuator) -> Actuator:
    given = _table(place, entry)
    for name, text in given.items():
        if name not in ("component", "command", "parameter"):
            raise BadMap(f"[{place}]: {name[:40]!r} is none of component, command, parameter")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_NAME or not text.isprintable():
            raise BadMap(f"[{place}]: {name} is not a text of 1 to {MAX_NAME} characters")
    return replace(default, **given)


def _table(place: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BadMap(f"{place} is not a table: write [{place}]")
    return entry
