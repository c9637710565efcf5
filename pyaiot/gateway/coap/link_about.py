# SPDX-License-Identifier: BSD-3-Clause
"""What the attributes of a link say of its resource (RFC 6690 section 3, RFC 7252 section 7.2.1). Pure."""

from __future__ import annotations

from typing import Final

from pyaiot.gateway.coap.linkformat import Link
from pyaiot.wire.messages import About

#: The longest text that is told of a resource; what is longer is cut.
MAX_TEXT: Final = 64
#: Interfaces (``if``) of the CoRE interfaces draft: actuator and parameter may be written to; sensor and read-only
#: parameter may not.
_WRITABLE: Final = frozenset({"core.a", "core.p"})
_READ_ONLY: Final = frozenset({"core.s", "core.rp"})


def about_of(link: Link) -> About:
    """What ``link`` says, which may be nothing."""
    interfaces = set((link.attributes.get("if") or "").split())
    writable = True if interfaces & _WRITABLE else False if interfaces & _READ_ONLY else None
    return About(
        title=_text(link, "title"),
        writable=writable,
        rt=_text(link, "rt"),
        interface=_text(link, "if"),
        ct=_text(link, "ct"),
    )


def _text(link: Link, name: str) -> str | None:
    text = (link.attributes.get(name) or "").strip()
    return text[:MAX_TEXT] or None
