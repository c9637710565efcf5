# SPDX-License-Identifier: BSD-3-Clause
"""Which file of a backup goes where on this host: by what it is for, never by where it was. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from pyaiot.backup.contents import DEVICE_TOKEN_KEY, ENVIRONMENT, KEY_FILE, BadBackup, Kept, environment_of
from pyaiot.backup.layout import Layout, Place
from pyaiot.backup.settings_text import adapt_config, adapt_environment, assignments
from pyaiot.gateway.device_tokens import owners
from pyaiot.key_parts import part_of, whole
from pyaiot.keys import KeyFileError, parse, render
from pyaiot.settings import SERVICES

if TYPE_CHECKING:
    from pyaiot.options import Keeps

#: The role of which a host may have several files, one a service, that can become one.
OWNERS: Final = "device_owners"
#: What no unit names: it is found by what it is called.
_OF_NO_UNIT: Final = frozenset((ENVIRONMENT, DEVICE_TOKEN_KEY, *map(environment_of, SERVICES)))
#: The environment files, and whose each is.
_ENVIRONMENTS: Final = {ENVIRONMENT: "", **{environment_of(service): service for service in SERVICES}}
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """A file to be there, with that content and mode; ``keeps`` as in options."""

    role: str
    keeps: Keeps
    path: str
    mode: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """``notes``: what whoever restores has to know, a line each."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def make_plan(
    files: Sequence[Kept],
    places: Sequence[Place],
    layout: Layout,
    environments: Mapping[str, Mapping[str, str]],
    absolute: Callable[[str], str],
) -> Plan:
    """``places``: those of this host now, and ``environments`` what its environment files set, by role.

    ``absolute`` makes such a path of one that stands in a file of settings. Raises BadBackup: a file is for nothing
    that this pyaiot knows, or there are two for one place.
    """
    known = known_roles()
    by_role: dict[str, list[Kept]] = {}
    for kept in files:
        if kept.role not in known:
            raise BadBackup(f"it has a file for {kept.role[:40]!r}, which this pyaiot does not know: update it")
        by_role.setdefault(kept.role, []).append(kept)
    steps: list[Step] = []
    moved: dict[str, str | None] = {}
    settled: list[Place] = []
    for role, of_role in by_role.items():
        here = [place for place in places if place.role == role]
        if not here:
            here = _new_places(of_role, known[role], layout, [place.path for place in (*places, *settled)])
        for place in here:
            steps += _steps_at(place, of_role, layout)
        settled += here
        # Where nobody chose another place, each unit names its own.
        by_units = layout.is_system and not all(place.chosen for place in here)
        moved[role] = None if by_units and role not in _OF_NO_UNIT else here[0].path
    return _adapted(_one_a_path(steps), settled, moved, environments, absolute)


def _one_a_path(steps: Sequence[Step]) -> list[Step]:
    """Two options may name one file, such as a picture; then the less of its modes holds."""
    found: dict[str, Step] = {}
    for step in steps:
        known = found.setdefault(step.path, step)
        if known.content != step.content:
            raise BadBackup(f"it has two files for {step.path}")
        if step.mode < known.mode:
            found[step.path] = step
    return list(found.values())


def known_roles() -> Mapping[str, Keeps]:
    """What each role's files are."""
    roles: dict[str, Keeps] = {ENVIRONMENT: "chosen", DEVICE_TOKEN_KEY: "secret"}
    roles.update((environment_of(service), "chosen") for service in SERVICES)
    for settings in SERVICES.values():
        roles.update((each.name, each.metadata["keeps"]) for each in fields(settings) if each.metadata["keeps"])
    return roles


def _steps_at(place: Place, files: Sequence[Kept], layout: Layout) -> list[Step]:
    """What is to be at one place: what was at the places of the same services, or of the same option."""
    same = [kept for kept in files if not kept.services or set(kept.services) & set(place.services)] or list(files)
    if place.is_folder:
        named = {kept.filename: kept for kept in same if _is_key(kept.filename)}
        if len(named) != len(same):
            raise BadBackup(f"it has two files, or one with a bad name, for {place.path}")
        return [_step(place, kept, f"{place.path}/{name}", layout) for name, kept in named.items()]
    if place.role == KEY_FILE:
        same = _keys_for(place.services, same)
    elif len({kept.content for kept in same}) > 1:
        if place.role != OWNERS:
            raise BadBackup(f"it has two files for {place.path}")
        same = [_joined(same)]
    return [_step(place, each, place.path, layout) for each in same[:1]]


def _step(place: Place, kept: Kept, path: str, layout: Layout) -> Step:
    if place.keeps == "secret" and place.chosen and layout.is_system:
        mode = 0o600 | kept.mode & 0o044  # the unit is given no copy of it, so its user has to read this one
    elif place.keeps in ("secret", "state"):
        mode = 0o600
    elif layout.is_system:
        mode = 0o644  # each service reads it, as a user of its own
    else:
        mode = 0o600 | kept.mode & 0o644
    return Step(place.role, place.keeps, path, mode, kept.content)


def _keys_for(services: Sequence[str], files: Sequence[Kept]) -> list[Kept]:
    """What ``services`` need of them, if anything: one file together, or each its own, here and there."""
    try:
        known = [parse(kept.content.decode()) for kept in files]
        # What nobody there read of a file may be older than what is in another.
        together = whole(
            part_of(each, kept.services) if kept.services else each for each, kept in zip(known, files, strict=True)
        )
    except (UnicodeError, KeyFileError) as error:
        if len(files) == 1:
            return [files[0]]  # as it was there: who reads it says what is wrong
        raise BadBackup(f"its key files cannot be put together: {error}") from None
    part = part_of(together, services)
    if part == known[0]:
        return [files[0]]
    has_any = part.broker or part.gateways or part.authorized or part.clients
    return [replace(files[0], content=render(part).encode())] if has_any else []


def _joined(files: Sequence[Kept]) -> Kept:
    """Owners of ids that two gateways kept, as one file; where they differ, the first one's hold."""
    try:
        known = [owners.parse(kept.content.decode()) for kept in files]
    except (UnicodeError, owners.BadOwners):
        raise BadBackup("its files of devices' owners cannot be put together: one makes no sense") from None
    merged: owners.Accounts = {}
    for accounts in reversed(known):
        merged |= accounts
    return replace(files[0], content=owners.render(owners.bounded(merged)).encode())


def _new_places(files: Sequence[Kept], keeps: Keeps, layout: Layout, taken: Sequence[str]) -> list[Place]:
    """For files that no option here names: one place for those of the same services."""
    found: dict[tuple[str, ...], Place] = {}
    for kept in files:
        if kept.services not in found:
            path = _free_path(kept, layout, {*taken, *(place.path for place in found.values())})
            found[kept.services] = Place(kept.role, keeps, kept.services, path, chosen=True)
    return list(found.values())


def _free_path(kept: Kept, layout: Layout, taken: set[str]) -> str:
    """Beside the keys, under its old name if that is plain and free."""
    role = kept.role.replace("_", "-")
    names = [kept.filename] if _PLAIN.fullmatch(kept.filename) else []
    names += [role, *(f"{service}-{role}" for service in kept.services if _PLAIN.fullmatch(service))]
    paths = [f"{layout.settings}/{name}" for name in names]
    return next((path for path in paths if path not in taken), paths[-1])


def _adapted(
    steps: Sequence[Step],
    places: Sequence[Place],
    moved: Mapping[str, str | None],
    environments: Mapping[str, Mapping[str, str]],
    absolute: Callable[[str], str],
) -> Plan:
    """The files of settings name the others where they are now."""
    done: list[Step] = []
    notes: list[str] = []
    named: dict[str, str] = {}
    own = {_ENVIRONMENTS[step.role]: assignments(_text(step)) for step in steps if step.role in _ENVIRONMENTS}
    for step in steps:
        if step.role in _ENVIRONMENTS:
            there = _moved_for(_ENVIRONMENTS[step.role], places, moved, own)
            text, left_out = adapt_environment(_text(step), there, absolute, environments.get(step.role, {}))
            if step.role == ENVIRONMENT:
                named = assignments(text)
            step = replace(step, content=text.encode())
            notes += [f"{step.path}: {name} was left out: no option of pyaiot" for name in left_out]
        elif step.role == "config":
            step = replace(step, content=adapt_config(_text(step), moved, absolute).encode())
        done.append(step)
    config = moved.get("config")
    if config and absolute(named.get("AIOT_CONFIG", "")) != config:
        notes.append(f"services read {config} where they are told to: by AIOT_CONFIG={config} or --config")
    return Plan(tuple(done), tuple(notes))


def _moved_for(
    service: str,
    places: Sequence[Place],
    moved: Mapping[str, str | None],
    own: Mapping[str, Mapping[str, str]],
) -> dict[str, str | None]:
    """Where the files are now that one service's environment file names; or ("") the one that all of them share.

    That speaks for whoever says nothing else: ``own`` is what each says itself.
    """
    found = dict(moved)
    for place in reversed(places):
        name = f"AIOT_{place.role.upper()}"
        meant = {each for each in place.services if name not in own.get(each, ())} if not service else {service}
        if moved[place.role] is not None and meant & set(place.services):
            found[place.role] = place.path
    return found


def _text(step: Step) -> str:
    try:
        return step.content.decode()
    except UnicodeError:
        raise BadBackup(f"its file for {step.path} is not text") from None


def _is_key(name: str) -> bool:
    return name.endswith(".pem") and not name.startswith(".") and "\0" not in name
