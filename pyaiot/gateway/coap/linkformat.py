# SPDX-License-Identifier: BSD-3-Clause
"""The CoRE link format (RFC 6690 section 2): ``</temp>;rt="temperature";obs,</led>``.

A hand-written reader, since commas and semicolons may stand inside quotes. It takes what firmware really
sends: links without attributes, white space around separators, attributes without a value, an empty body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from pyaiot.wire.names import is_resource

#: The longest body that is read, in bytes.
MAX_BODY = 64 * 1024
#: The most links of one body.
MAX_LINKS = 256
#: The most attributes of one link.
MAX_ATTRIBUTES = 32

#: Attributes whose value is a list of words (RFC 6690 section 3; ``rev`` and ``ct`` likewise).
_LISTS = frozenset(("rt", "if", "rel", "rev", "ct"))

_TARGET = re.compile(r"\s*<([^<>]*)>\s*")
_ATTRIBUTE = re.compile(r"\s*([A-Za-z0-9!#$&+\-.^_`|~*]+)\s*")
_TOKEN = re.compile(r"\s*([^\s\",;]+)\s*")
_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*+)"\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class BadLinks(ValueError):
    """A body that is no link format; ``str()`` is the reason, fit to send to the device."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its target as written between ``<`` and ``>``, and its attributes.

    An attribute without a value (``obs``) has the value None; of an attribute given twice the first counts
    (RFC 6690 section 2: rt, if, sz, title … must not appear more than once), names are in lower case.
    """

    target: str
    attributes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...] | None:
        """The segments of Uri-Path, or None where the target is no plain path on the same host."""
        if not self.target.startswith("/") or self.target.startswith("//") or set(self.target) & set("?#"):
            return None
        segments = tuple(unquote(segment, errors="strict") for segment in self.target[1:].split("/"))
        return segments if all(segments) else None

    @property
    def resource(self) -> str | None:
        """The name of the resource (``sensors/temp``), or None where the target cannot be one."""
        try:
            path = self.path
        except UnicodeDecodeError:
            return None
        if path is None:
            return None
        name = "/".join(path)
        return name if is_resource(name) and len(path) == name.count("/") + 1 else None

    @property
    def observable(self) -> bool:
        """Whether the device offers to tell changes (RFC 7641 section 6)."""
        return "obs" in self.attributes


def parse_links(body: bytes) -> list[Link]:
    """Read a body of the link format; an empty one has no links. Raises BadLinks and nothing else."""
    if len(body) > MAX_BODY:
        raise BadLinks(f"the links are longer than {MAX_BODY} bytes")
    try:
        text = body.decode().rstrip("\0")
    except UnicodeDecodeError:
        raise BadLinks("the links are not UTF-8") from None
    links: list[Link] = []
    at = 0
    if not text.strip():
        return links
    while True:
        match = _TARGET.match(text, at)
        if match is None:
            raise BadLinks(f"at character {at}: a link starts with <target>")
        attributes, at = _attributes(text, match.end())
        links.append(Link(match[1], attributes))
        if at == len(text):
            return links
        if text[at] != ",":
            raise BadLinks(f"at character {at}: links are separated by commas")
        if len(links) == MAX_LINKS:
            raise BadLinks(f"there are more than {MAX_LINKS} links")
        at += 1
        if not text[at:].strip():  # a comma after the last link, as some firmware sends
            return links


def matching(links: Iterable[Link], query: Iterable[str]) -> list[Link]:
    """The links that every ``name=pattern`` of ``query`` is true of (RFC 6690 section 4.1).

    A pattern may end in ``*``. ``href`` is the target; other names are attributes, some of which are lists of words.
    """
    found = list(links)
    for each in query:
        name, _, pattern = each.partition("=")
        found = [link for link in found if _matches(link, name.lower(), pattern)]
    return found


def _matches(link: Link, name: str, pattern: str) -> bool:
    if name == "href":
        values = [link.target]
    elif name not in link.attributes:
        return False
    else:
        whole = link.attributes[name] or ""
        values = whole.split() if name in _LISTS else [whole]
    if pattern.endswith("*"):
        return any(value.startswith(pattern[:-1]) for value in values)
    return pattern in values


def encode_links(links: Iterable[Link]) -> bytes:
    """The body that :func:`parse_links` reads back."""
    return ",".join(
        f"<{link.target}>{''.join(_attribute(*pair) for pair in link.attributes.items())}" for link in links
    ).encode()


def _attribute(name: str, value: str | None) -> str:
    if value is None:
        return f";{name}"
    if value.isdigit():
        return f";{name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f';{name}="{escaped}"'


def _attributes(text: str, at: int) -> tuple[dict[str, str | None], int]:
    """The attributes from ``text[at:]`` on, and where they end."""
    attributes: dict[str, str | None] = {}
    count = 0
    while at < len(text) and text[at] == ";":
        count += 1
        if count > MAX_ATTRIBUTES:
            raise BadLinks(f"at character {at}: a link has more than {MAX_ATTRIBUTES} attributes")
        name = _ATTRIBUTE.match(text, at + 1)
        if name is None:
            raise BadLinks(f"at character {at}: an attribute needs a name")
        at = name.end()
        value: str | None = None
        if text[at : at + 1] == "=":
            quoted = _QUOTED.match(text, at + 1)
            token = None if quoted else _TOKEN.match(text, at + 1)
            found = quoted or token
            if found is None:
                raise BadLinks(f"at character {at}: a value is a token or quoted")
            value = _ESCAPE.sub(r"\1", found[1]) if quoted else found[1]
            at = found.end()
        attributes.setdefault(name[1].lower(), value)
    return attributes, at
