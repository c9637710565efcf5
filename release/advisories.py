# SPDX-License-Identifier: BSD-3-Clause
"""What the advisories' services answered, judged. Pure: output in, verdict out.

A vulnerability is one that they name; that they could not be asked is no proof of anything, and is said so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["clean", "vulnerable", "unknown", "broken"]
#: How much of a tool's complaint is shown.
MAX_CHARACTERS = 100
#: Words of pip-audit, npm and the system for a service that is not reached, or does not serve.
_NETWORK = re.compile(
    r"could not connect|connection|network|timed? ?out|failed to resolve|name resolution|proxy|certificate|"
    r"unreachable|refused|EAI_AGAIN|ENOTFOUND|ECONN|ETIMEDOUT|audit endpoint|HTTP|\b(40[1-9]|4[1-9]\d|5\d\d)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Verdict:
    """``clean``, ``vulnerable``: the services' word; ``unknown``: none was to be had; ``broken``: the tool failed."""

    kind: Kind
    text: str


def of_pip_audit(output: str, complaint: str) -> Verdict:
    """``output``: JSON of pip-audit, ``complaint`` what it wrote to stderr."""
    try:
        packages = json.loads(output)["dependencies"]
        found = [
            f"{each['name']} {each['version']}: {vulnerability['id']}{_mended(vulnerability.get('fix_versions'))}"
            for each in packages
            for vulnerability in each.get("vulns", ())
        ]
        skipped = sum("skip_reason" in each for each in packages)
    except (ValueError, KeyError, TypeError):
        return _of_complaint(complaint)
    if found:
        return Verdict("vulnerable", "\n  ".join((f"{len(found)} known vulnerabilities in Python packages", *found)))
    if skipped == len(packages):
        return Verdict("unknown", "the service knows none of the packages")
    text = f"no known vulnerability in {len(packages) - skipped} Python packages"
    return Verdict("clean", text + (f", nothing said of {skipped}" if skipped else ""))


def of_npm_audit(output: str, complaint: str) -> Verdict:
    """``output``: JSON of ``npm audit``, version 2."""
    try:
        answer: Mapping[str, Any] = json.loads(output)
        if "message" in answer:
            return _of_complaint(str(answer["message"]))
        found = [f"{name}: {each['severity']}" for name, each in sorted(answer["vulnerabilities"].items())]
        count = answer["metadata"]["dependencies"]["prod"]
    except (ValueError, KeyError, TypeError):
        return _of_complaint(f"{output}\n{complaint}")
    if found:
        return Verdict("vulnerable", "\n  ".join((f"{len(found)} vulnerable npm packages", *found)))
    return Verdict("clean", f"no known vulnerability in {count} npm packages")


def _of_complaint(complaint: str) -> Verdict:
    """Addresses are left out: they say where this machine asks, which is nobody's concern."""
    lines = [re.sub(r"\S+://\S+", "", line).strip() for line in complaint.splitlines() if line.strip()]
    telling = next((line for line in lines if _NETWORK.search(line)), None)
    if telling is not None:
        return Verdict("unknown", "the service is not reached: " + _short(telling))
    return Verdict("broken", _short(lines[-1]) if lines else "no output")


def _short(line: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in line)
    return plain if len(plain) <= MAX_CHARACTERS else plain[: MAX_CHARACTERS - 1] + "…"


def _mended(versions: list[str] | None) -> str:
    return f" (mended in {', '.join(versions)})" if versions else " (no version mends it yet)"
