# SPDX-License-Identifier: BSD-3-Clause
"""Versions of Python, of pyaiot and of what it needs; and what is built or installed besides. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyaiot.doctor.findings import Finding, Level

#: The extra that brings the embedded MQTT broker.
EMBEDDED: Final = "mqtt-broker"
#: Without it everything works, somewhat slower.
OPTIONAL: Final = frozenset(("uvloop",))

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(\[[^]]*\])?\s*([^;]*)(;.*)?")
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*([0-9][^,\s]*)")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is installed. ``ours``: of the code that runs; ``installed``: as pip has it, None where pip has it not.

    ``requires``: as the metadata spell it (PEP 508); ``found``: version of each package that those name, None: not
    there. ``page``: empty where the dashboard's page is built, else why not.
    """

    python: tuple[int, int, int]
    ours: str
    installed: str | None
    requires_python: str = ""
    requires: Sequence[str] = ()
    found: Mapping[str, str | None] = field(default_factory=dict)
    page: str = ""


def requirement(text: str) -> tuple[str, str, str]:
    """Name, version clauses, and the extra it belongs to (or empty) of one requirement."""
    match = _REQUIREMENT.match(text)
    if match is None:
        return text, "", ""
    extra = _EXTRA.search(match[4] or "")
    return match[1], match[3].strip(" ()"), extra[1] if extra else ""


def satisfies(version: str, clauses: str) -> bool:
    """Whether ``version`` is in range, as far as numbers go (PEP 440); what is not understood is passed over."""
    found = _numbers(version)
    for operator, text in _CLAUSE.findall(clauses):
        wanted = _numbers(text)
        length = max(len(found), len(wanted))
        one, other = (each + (0,) * (length - len(each)) for each in (found, wanted))
        right = {
            ">=": one >= other,
            "<=": one <= other,
            "==": one[: len(wanted)] == wanted if text.endswith(".*") else one == other,
            "!=": one != other,
            "~=": one >= other and found[: len(wanted) - 1] == wanted[:-1],
            ">": one > other,
            "<": one < other,
        }[operator]
        if not right:
            return False
    return True


def check_versions(versions: Versions, *, embedded: Level | None, dashboard: bool, python: str) -> Iterator[Finding]:
    """``embedded``: how bad it is when there is no MQTT broker to embed, None: nobody wants it.

    ``dashboard``: a service serves the page; ``python``: its path.
    """
    spelled = ".".join(map(str, versions.python))
    pip = f"{python} -m pip install"
    facts = {"python": spelled, "pyaiot": versions.ours, "installed": versions.installed, "found": dict(versions.found)}
    if not satisfies(spelled, versions.requires_python):
        yield Finding(
            check="versions.python",
            level="problem",
            summary=f"Python {spelled} is too old: pyaiot needs {versions.requires_python}",
            fix="install a newer Python, and pyaiot with it",
            facts=facts,
        )
    if versions.installed not in (None, versions.ours):
        yield Finding(
            check="versions.pyaiot",
            level="warning",
            summary=f"the code is version {versions.ours}, but what is installed says {versions.installed}",
            fix=f"{pip} --upgrade pyaiot, or pip install . in its clone",
            facts=facts,
        )
    faults = list(_check_requirements(versions, embedded, pip))
    yield from faults
    if not any(each.level in ("warning", "problem") for each in faults):
        told = f"pyaiot {versions.ours} on Python {spelled}, with all that it needs"
        yield Finding(check="versions.pyaiot", level="ok", summary=told, facts=facts)
    if dashboard and versions.page:
        why, _, _ = versions.page.partition(". Run ")
        fix = f"{pip} . in a clone of pyaiot; or make front-end, where this is one"
        yield Finding(check="versions.page", level="problem", summary=why, fix=fix)


def _check_requirements(versions: Versions, embedded: Level | None, pip: str) -> Iterator[Finding]:
    for text in versions.requires:
        name, clauses, extra = requirement(text)
        if extra not in ("", EMBEDDED) or (extra and embedded is None):
            continue
        version = versions.found.get(name)
        if version is not None and satisfies(version, clauses):
            continue
        have = "is not installed" if version is None else f"is version {version}"
        optional = name in OPTIONAL and version is None
        missing: Level = "note" if optional else (embedded or "problem") if extra else "problem"
        yield Finding(
            check="versions.requirements",
            level=missing if version is None else "warning",
            summary=f"{name} {have}; pyaiot "
            + ("is faster with it" if optional else f"needs {clauses or 'it'}")
            + (", to be the MQTT broker" if extra else ""),
            fix=f"{pip} '{f'pyaiot[{extra}]' if extra else f'{name}{clauses}'}'",
            facts={"name": name, "version": version, "wanted": clauses},
        )


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"[0-9]{1,9}(\.[0-9]{1,9}){0,9}", version)
    return tuple(map(int, match[0].split("."))) if match else ()
