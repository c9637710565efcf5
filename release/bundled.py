# SPDX-License-Identifier: BSD-3-Clause
"""The JavaScript packages inside the page: Vite wrote of their licences, the lock file has their digests. Pure."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_HEADING = re.compile(r"^## (?P<name>\S+) - (?P<version>\S+) \((?P<licence>.+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Licence:
    """A package of the page: ``licence`` is an SPDX expression."""

    name: str
    version: str
    licence: str

    @property
    def heading(self) -> str:
        """As the document has it."""
        return f"## {self.name} - {self.version} ({self.licence})\n"


def licences(document: str) -> list[Licence]:
    """The packages that ``licenses.md`` of a built page names."""
    return [Licence(*match.group("name", "version", "licence")) for match in _HEADING.finditer(document)]


def text_of(document: str, package: Licence) -> str:
    """The text of a package's licence there."""
    behind = document.partition(package.heading)[2]
    following = _HEADING.search(behind)
    return (behind[: following.start()] if following else behind).strip()


def components(document: str, lock: str) -> list[dict[str, Any]]:
    """The packages as CycloneDX components, by name; ``lock`` is package-lock.json.

    Raises KeyError when the lock file does not know a package in that version: the page is not made of it then.
    """
    digests = {}
    for path, package in json.loads(lock)["packages"].items():
        if path:
            digests[path.rpartition("node_modules/")[2], package["version"]] = package.get("integrity", "")
    return [
        {
            "type": "library",
            "bom-ref": f"npm:{each.name}@{each.version}",
            "name": each.name,
            "version": each.version,
            "licenses": [{"expression": each.licence}],
            "hashes": [_digest(digests[each.name, each.version])],
            "purl": f"pkg:npm/{quote(each.name, safe='/')}@{quote(each.version)}",
        }
        for each in sorted(licences(document), key=lambda each: each.name)
    ]


def _digest(integrity: str) -> dict[str, str]:
    """Subresource integrity (W3C) as CycloneDX has it: SHA-512 in hexadecimal digits."""
    algorithm, _, content = integrity.partition("-")
    if algorithm != "sha512":
        raise KeyError(f"the lock file has no SHA-512 digest: {integrity!r}")
    return {"alg": "SHA-512", "content": base64.b64decode(content).hex()}
