# SPDX-License-Identifier: BSD-3-Clause
"""The report as people read it on a terminal: one finding a line, the worst last, then the verdict. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pyaiot.cli.wording import clean
from pyaiot.doctor.findings import Finding, Level, verdict

_COLOURS: Final[dict[Level, str]] = {"ok": "32", "note": "36", "warning": "33", "problem": "31;1"}
#: The column of levels, and what follows it.
_INDENT: Final = " " * 9
#: Lines are not made longer than people like to read.
_WIDEST: Final = 120
_GATEWAY: Final = "gateway "


def render(
    head: Sequence[str], findings: Sequence[Finding], places: int | None, *, only: str = "", colours: bool = False
) -> str:
    """The whole text, for a terminal ``places`` wide (None: it is none, and no line is broken).

    A fix has a line of its own that is never broken, so that it can be copied. ``only``: the one service that was
    examined, if it was one, which need not be named in each line.
    """
    lines = [line for each in head for line in _wrapped(each, "", places)]
    level: Level | None = None
    together = _together(findings)
    for each in together:
        if each.level != level:
            lines.append("")
            level = each.level
        lines += _finding(each, places, only, colours)
    lines += ["", verdict(together)]
    return "\n".join(lines) + "\n"


def _together(findings: Sequence[Finding]) -> list[Finding]:
    """One finding, and one fix, of all that it is true of: four gateways that trust a wrong key are one mistake."""
    subjects: dict[tuple[str, ...], list[Finding]] = {}
    for each in findings:
        subjects.setdefault((each.check, each.level, each.summary, each.fix), []).append(each)
    return [replace(same[0], service=_subjects([each.service for each in same])) for same in subjects.values()]


def _subjects(services: Sequence[str]) -> str:
    names = [each.removeprefix(_GATEWAY) for each in services]
    if len(services) > 1 and all(each.startswith(_GATEWAY) for each in services):
        return f"gateways {', '.join(names)}"
    return ", ".join(filter(None, services))


def _finding(finding: Finding, places: int | None, only: str, colours: bool) -> Iterator[str]:
    subject = f"{finding.service}: " if finding.service not in ("", only) else ""
    first, *rest = _wrapped(subject + finding.summary, _INDENT, places)
    mark = f"{finding.level:<{len(_INDENT)}}"
    colour = _COLOURS[finding.level] if colours else ""
    yield (f"\x1b[{colour}m{mark}\x1b[0m" if colour else mark) + first.removeprefix(_INDENT)
    yield from rest
    if finding.fix:
        yield f"{_INDENT}→ {clean(finding.fix)}"


def _wrapped(text: str, indent: str, places: int | None) -> list[str]:
    text = clean(text)
    if places is None:
        return [indent + text]
    return textwrap.wrap(
        text,
        min(places, _WIDEST),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]
