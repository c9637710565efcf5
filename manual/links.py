# SPDX-License-Identifier: BSD-3-Clause
"""Links of the repository's pages, and where they lead on the site. Pure.

Pages link to each other, and to sources, by paths that hold where the repository is read. On the site some pages have
other names, and a source is a page that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from posixpath import dirname, join, normpath, relpath
from typing import Final

#: Pages that are no files of docs/, by what they are called on the site.
PAGES: Final = {
    "index.md": "README.md",
    "protocol.md": "PROTOCOL.md",
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "micropython.md": "firmware/micropython/README.md",
    "javascript.md": "dashboard/client/README.md",
    "vectors.md": "tests/vectors/README.md",
}
_NAMES: Final = {origin: name for name, origin in PAGES.items()}
_PICTURES: Final = (".png", ".svg", ".jpg")
_FENCE: Final = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"(\]\()([^)\s#]+)")


def origin_of(page: str) -> str:
    """The path in the repository of a page of the site."""
    return PAGES.get(page, f"docs/{page}")


def page_of(path: str) -> str:
    """The page, or the picture, of the site that shows a path of the repository."""
    if path in _NAMES:
        return _NAMES[path]
    if path.startswith("docs/") and path.endswith((".md", *_PICTURES)):
        return path.removeprefix("docs/")
    return f"source/{path}.md"


def rewritten(text: str, page: str) -> str:
    """The text of a page with its links as they are on the site."""

    def lead(match: re.Match[str]) -> str:
        return match[1] + relpath(page_of(_path(page, match[2])), dirname(page) or ".")

    return _outside_code(
        text, lambda part: _LINK.sub(lambda match: lead(match) if _is_here(match[2]) else match[0], part)
    )


def sources(text: str, page: str) -> Iterator[str]:
    """Paths of the repository that a page links to and that have to be made pages."""
    for part in _FENCE.sub("", text).splitlines():
        for match in _LINK.finditer(part):
            path = _path(page, match[2])
            if _is_here(match[2]) and page_of(path).startswith("source/"):
                yield path


def slug(heading: str, separator: str = "-") -> str:
    """The anchor of a heading, as places make it that show a repository's pages."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def _is_here(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is None


def _path(page: str, target: str) -> str:
    return normpath(join(dirname(origin_of(page)), target))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    return "".join(part if index % 2 else change(part) for index, part in enumerate(_FENCE.split(text)))
