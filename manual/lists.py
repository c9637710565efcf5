# SPDX-License-Identifier: BSD-3-Clause
"""Lists as CommonMark has them, spelled as Python-Markdown wants them. Pure.

CommonMark takes what is as far in as an item's text for a part of the item, and lets a list follow a paragraph at once.
Python-Markdown wants four columns, and an empty line before.
"""

from __future__ import annotations

import re
from typing import Final

_ITEM: Final = re.compile(r"([-*+]|\d{1,9}[.)])( +)\S")
_FENCE: Final = re.compile(r" *(```|~~~)")
_INDENT: Final = 4


def spelled(text: str) -> str:
    """The text with its lists so that both mean the same."""
    lines: list[str] = []
    width = 0  # of the mark of the item that we are in; 0: in none
    fenced = parted = False  # in a block of code; the item has an empty line in it
    for line in text.splitlines():
        if not fenced and (item := _ITEM.match(line)):
            if (parted or not width) and lines and lines[-1].strip():
                lines.append("")
            parted = False
            width = len(item[1]) + len(item[2])
            lines.append(line)
            continue
        parted = bool(width) and (parted or not line.strip())
        inside = bool(width) and (not line.strip() or line.startswith(" " * width))
        if not inside and not fenced and not (lines and lines[-1].strip()):
            width = 0  # after an empty line what is further out ends the list; else it goes on with the paragraph
        if _FENCE.match(line):
            fenced = not fenced
            width = width if inside else 0
        lines.append(" " * (_INDENT - width) + line if inside and line.strip() else line)
    return "\n".join(lines) + "\n"
