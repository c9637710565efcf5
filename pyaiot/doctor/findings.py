# SPDX-License-Identifier: BSD-3-Clause
"""What was found, how bad it is, and what mends it. Pure.

The levels, the exit codes and the shape of the JSON are kept from version to version; so are the ids of checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Level = Literal["ok", "note", "warning", "problem"]
#: From harmless to bad.
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
#: Nothing is wrong (notes are no fault); something may go wrong, or is not safe; something does not work.
EXIT_WELL: Final = 0
EXIT_WARNINGS: Final = 1
EXIT_PROBLEMS: Final = 2
#: The version of the JSON: raised when a member changes its meaning or goes, not when one is added.
FORMAT: Final = 1

#: Of who is silent.
NO_ANSWER: Final = "no answer in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report.

    ``check`` is its stable id, such as ``ports.taken``; ``service`` whom it is about, empty for the host. ``fix`` is
    the very command or setting that mends it: there for every problem and warning. ``facts`` are what it was judged by,
    as JSON, and never a secret.
    """

    check: str
    level: Level
    summary: str
    fix: str = ""
    service: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst of them; ``ok`` where there is none."""
    return max((each.level for each in findings), key=LEVELS.index, default="ok")


def exit_code(findings: Iterable[Finding]) -> int:
    """For scripts: see EXIT_WELL and the others."""
    return {"problem": EXIT_PROBLEMS, "warning": EXIT_WARNINGS}.get(worst(findings), EXIT_WELL)


def verdict(findings: Sequence[Finding]) -> str:
    """The last line."""
    counts = Counter(each.level for each in findings)
    told = [_count(counts[level], level) for level in ("problem", "warning") if counts[level]]
    if told:
        return " and ".join(told) + "."
    unseen = any(each.check.endswith(".unseen") for each in findings)
    return "Nothing wrong was found" + (", but not all could be looked at: root sees more." if unseen else ".")


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst last, next to the prompt; within a level as they were found, each once."""
    once = {(each.check, each.level, each.summary, each.service): each for each in findings}
    return sorted(once.values(), key=lambda each: LEVELS.index(each.level))


def as_json(findings: Sequence[Finding], about: Mapping[str, Any]) -> dict[str, Any]:
    """The whole report as JSON; ``about`` says what was examined, and where."""
    return {
        "format": FORMAT,
        **about,
        "verdict": worst(findings),
        "exit_code": exit_code(findings),
        "findings": [
            {
                "check": each.check,
                "level": each.level,
                "service": each.service or None,
                "summary": each.summary,
                "fix": each.fix or None,
                "facts": dict(each.facts),
            }
            for each in findings
        ],
    }


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"
