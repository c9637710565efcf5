# SPDX-License-Identifier: BSD-3-Clause
"""Texts that try to be something else than text: families of them, each made of its parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

#: What a text would do if it ran.
RUN = "executed.push(1)"
HOST = "http://192.0.2.1"

_TAGS = (
    "script",
    "img",
    "svg",
    "iframe",
    "object",
    "embed",
    "video",
    "audio",
    "body",
    "details",
    "math",
    "style",
    "base",
)
_EVENTS = ("onerror", "onload", "onmouseover", "onfocus", "ontoggle", "onanimationstart", "onpointerenter")
_ENDS = ("", '">', "'>", "</bdi>", "</title>", "</textarea>", "</script>", "-->", "]]>", "</style>")
_SCHEMES = (
    "javascript",
    "JaVaScRiPt",
    "java\tscript",
    "\u0001javascript",
    "vbscript",
    "data",
    "blob",
    "view-source",
    "file",
)
_TEMPLATES = (
    "{{%s}}",
    "${%s}",
    "{%s}",
    "<%%= %s %%>",
    "#{%s}",
    "{@html %s}",
    "{{constructor.constructor('%s')()}}",
    "`${%s}`",
)
_QUOTES = ("'", '"', "`", "\\'", '\\"', "');", '");', "\\u0027);", "*/", "\n//")
_WORDS = (
    "é",
    "字",
    "א",
    "ع",
    "e\u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "🇫🇷",
    "a\u200b",
    "\u00ad",
)
_NAMES = (
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "__defineGetter__",
    "then",
    "length",
    "undefined",
    "null",
    "NaN",
    "Infinity",
    "true",
    "-0",
    "0x10",
    "1e999",
    "9007199254740993",
    "-1e-320",
    "2026-02-30",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "%",
    "%E0%A4%A",
    "?",
    "#",
    "#/map",
    "/",
    "//192.0.2.1/x",
    "a/b/c",
    ".",
    "*",
    "[",
    "\\",
    "(?:a+)+$",
    "'; DROP TABLE nodes; --",
)
_STYLES = (
    "position:fixed;inset:0;z-index:99",
    "width:99999px",
    f"background:url({HOST}/x.png)",
    f"@import '{HOST}/x.css'",
    "*{display:none}",
    f"expression({RUN})",
    "-moz-binding:url(x)",
    "}body{display:none}",
)
_CONTROLS = [chr(code) for code in (0, 1, 7, 8, 9, 10, 11, 12, 13, 27, 127, 133, 160)]
_INVISIBLE = [chr(code) for code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x034F, 0x3164, 0xFFFC, 0xFFFE)]
_DIRECTIONS = [chr(code) for code in (0x200E, 0x200F, 0x202A, 0x202B, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068)]


def _families() -> Iterator[tuple[str, list[str]]]:
    yield (
        "markup",
        [
            f"{end}<{tag} src=x {event}={RUN}>"
            for tag, (event, end) in zip(itertools.cycle(_TAGS), itertools.product(_EVENTS, _ENDS), strict=False)
        ],
    )
    yield "elements", [f"<{tag}>{RUN}</{tag}>" for tag in _TAGS]
    yield (
        "addresses",
        [
            f"{scheme}:{rest}"
            for scheme in _SCHEMES
            for rest in (RUN, f"//%0a{RUN}", f"text/html,<script>{RUN}</script>")
        ],
    )
    yield "templates", [template % RUN for template in _TEMPLATES] + [template % "7*7" for template in _TEMPLATES]
    yield "quotes", [f"{quote}{RUN}{other}" for quote, other in itertools.product(_QUOTES, ("", "//", " x="))]
    yield (
        "entities",
        [f"{before}{code};script>{RUN}" for before in ("", "&amp;") for code in ("&lt", "&#60", "&#x3c", "&#0000060")],
    )
    yield (
        "styles",
        [*_STYLES, *(f'" style="{style}' for style in _STYLES), *(f"<style>{style}</style>" for style in _STYLES)],
    )
    yield "names", list(_NAMES)
    yield (
        "controls",
        [f"a{control}b{control}" for control in _CONTROLS] + [f"\u001b[3{digit}mred" for digit in range(3)],
    )
    yield "invisible", [each * count for each in _INVISIBLE for count in (1, 60)]
    yield "directions", [f"{each}exe.gnp {'(' * count}" for each in _DIRECTIONS for count in (1, 30)]
    yield "combining", ["z" + "".join(chr(0x300 + (turn * step) % 0x6F) for turn in range(200)) for step in range(1, 9)]
    yield "surrogates", ["\\ud800", "\\udfff\\ud800", "\ufffd" * 40, "\\u{110000}"]
    yield (
        "long",
        [
            word * (800 // len(word))
            for word in (
                "W",
                "i",
                "W ",
                "字",
                "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
                "_",
                "-",
                "/",
                ".",
                "0",
                "𒐫",
                "\u0e01\u0e33",
            )
        ],
    )
    yield "words", [word * count for word in _WORDS for count in (1, 200)]


FAMILIES = dict(_families())
#: All of them, each once.
HOSTILE = list(dict.fromkeys(itertools.chain.from_iterable(FAMILIES.values())))
#: Of each family one.
OF_EACH = [texts[len(texts) // 2] for texts in FAMILIES.values()]
#: Numbers at the ends of what a double holds, and beyond.
NUMBERS = (
    0,
    -0.0,
    5e-324,
    1.7976931348623157e308,
    -1e300,
    2**53 + 1,
    10**400 // 10**100,
    0.1 + 0.2,
    1e21,
    123456789.123,
)


def nested(text: str, depth: int = 12) -> object:
    """JSON that is deep: objects and lists in turn, with ``text`` as key and as value everywhere."""
    value: object = text
    for level in range(depth):
        value = {text: value, f"{text} {level}": [text]} if level % 2 else [value, text, level]
    return value
