# SPDX-License-Identifier: BSD-3-Clause
"""What was found in the network, made one list of. Pure.

Anybody there can say anything: what is taken of it has bounds, and nothing of it is believed to be true.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pyaiot.addresses import in_url, is_private

#: Of one service: addresses that are kept, and characters of each text.
MAX_ADDRESSES: Final = 8
MAX_TEXT: Final = 80
#: Resources of a CoAP server that are named.
MAX_RESOURCES: Final = 16

#: Types of services that are looked for, and what each is, with the scheme of its address.
LOOKED_FOR: Final = {
    "_http._tcp.local.": ("dashboard", "http"),
    "_https._tcp.local.": ("dashboard", "https"),
    "_aiot-broker._tcp.local.": ("broker", "ws"),
    "_coap._udp.local.": ("coap", "coap"),
    "_mqtt._tcp.local.": ("mqtt", "mqtt"),
    "_secure-mqtt._tcp.local.": ("mqtt", "mqtts"),
    "_aiot-ws._tcp.local.": ("ws", "ws"),
    "_aiot-http._tcp.local.": ("http", "http"),
}
#: What stands behind a host's name where it is announced (see announce.offers.target).
_OF_ADDRESSES: Final = re.compile(r"-[0-9a-f]{8}$", re.ASCII)
_ORDER: Final = ("dashboard", "broker", "coap", "mqtt", "ws", "http")
_TITLES: Final = {
    ("dashboard", True): "dashboard",
    ("broker", True): "broker",
    ("coap", True): "CoAP gateway",
    ("coap", False): "CoAP server",
    ("mqtt", True): "MQTT broker",
    ("mqtt", False): "MQTT broker",
    ("ws", True): "WebSocket gateway",
    ("http", True): "HTTP gateway",
}
_TLS: Final = {"http": "https", "ws": "wss", "mqtt": "mqtts", "coap": "coaps"}
#: Of those people are told where it begins; of others there are several places, or none.
_WITH_PATH: Final = ("dashboard", "ws", "http")
_USUAL_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "coap": 5683}


@dataclass(frozen=True)
class Found:
    """One service. ``ours``: it says that it is pyaiot's, of ``version``. Addresses of one link have a zone.

    ``tells`` is what else it says of itself; ``by`` how it was found: ``mdns``, ``coap``.
    """

    kind: str
    addresses: tuple[str, ...]
    port: int
    scheme: str
    host: str = ""
    path: str = "/"
    ours: bool = True
    version: str = ""
    tells: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ("mdns",)

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _TITLES.get((self.kind, self.ours), self.kind)

    @property
    def tls(self) -> bool:
        """Whether it is encrypted."""
        return self.scheme in _TLS.values()

    @property
    def url(self) -> str:
        """Where it is: by the address that is the likeliest to work from here."""
        port = "" if _USUAL_PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{in_url(self.addresses[0])}{port}{self.path}"

    @property
    def host_name(self) -> str:
        """The host's own name, for people."""
        name = self.host.removesuffix(".local")
        return _OF_ADDRESSES.sub("", name) if self.ours else name

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kind": self.kind,
            "title": self.title,
            "url": self.url,
            "host": self.host,
            "addresses": list(self.addresses),
            "port": self.port,
            "tls": self.tls,
            "pyaiot": self.ours,
            "version": self.version,
            "tells": dict(self.tells),
            "by": list(self.by),
        }


def from_service(
    type_: str,
    addresses: Iterable[str],
    port: int | None,
    server: str | None,
    txt: Mapping[bytes, bytes | None],
    name: str = "",
) -> Found | None:
    """What a DNS-SD service is that calls itself ``name``.

    None for what is none that was looked for, or nothing that can be reached.
    """
    kind, scheme = LOOKED_FOR[type_]
    known = sort_addresses(addresses)
    version = _text(txt, b"aiot")
    ours = bool(version)
    if not known or not port or (not ours and kind == "dashboard"):
        return None
    tls = scheme in _TLS.values() or (ours and _text(txt, b"tls") == "1")
    told = {name: _text(txt, key) for name, key in (("gateway", b"gw"), ("key", b"key")) if txt.get(key)}
    if kind == "dashboard" and name:
        told["name"] = clip(name)
    path = _text(txt, b"path") if ours else ""
    return Found(
        kind=kind,
        addresses=known,
        port=port,
        scheme=_TLS.get(scheme, scheme) if tls else scheme,
        host=clip((server or "").rstrip(".")),
        path=path if kind in _WITH_PATH and path.startswith("/") else "",
        ours=ours,
        version=version,
        tells=told if ours else {},
    )


def from_coap(address: str, port: int, targets: Iterable[str], types: Iterable[str], etag: bytes) -> Found:
    """What answered at a CoAP server: the targets of its links, their resource types, and the answer's ETag."""
    ours = "pyaiot.alive" in types
    names = [clip(target) for _, target in zip(range(MAX_RESOURCES), targets, strict=False)]
    return Found(
        kind="coap",
        addresses=(address,),
        port=port,
        scheme="coap",
        path="",
        ours=ours,
        tells={"resources": " ".join(names), **({"etag": etag.hex()} if etag else {})},
        by=("coap",),
    )


def merge(found: Iterable[Found]) -> list[Found]:
    """Each service once, in the order for people: those of pyaiot first.

    What answers by CoAP and is announced at that address and port is one; so are answers of several addresses with one
    ETag and the same resources.
    """
    merged: list[Found] = []
    # Those that answered first: they know which addresses are one gateway's.
    for each in sorted(found, key=lambda one: "mdns" in one.by):
        at = next((place for place, other in enumerate(merged) if _is_one(other, each)), None)
        if at is None:
            merged.append(each)
        else:
            merged[at] = _joined(merged[at], each)
    without = (_without_etag(each) for each in merged)
    return sorted(without, key=lambda one: (not one.ours, _ORDER.index(one.kind), one.host, one.url))


def sort_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Each once, those first that are the likeliest to work: IPv4, then IPv6 without a zone; no others."""
    known: dict[str, tuple[bool, bool, bool, int]] = {}
    for each in addresses:
        try:
            parsed = ipaddress.ip_address(each)
        except ValueError:
            continue
        mapped = getattr(parsed, "ipv4_mapped", None)
        parsed = mapped or parsed
        if not (parsed.is_loopback or parsed.is_multicast or parsed.is_unspecified):
            text = str(parsed)
            known[text] = (parsed.is_link_local, parsed.version == 6, not is_private(text), int(parsed))
    return tuple(sorted(known, key=known.__getitem__)[:MAX_ADDRESSES])


def clip(text: str) -> str:
    """No longer than anybody wants to read."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _is_one(one: Found, other: Found) -> bool:
    if (one.kind, one.port) != (other.kind, other.port):
        return False
    if set(one.addresses) & set(other.addresses):
        return True
    etag = other.tells.get("etag")
    return etag is not None and one.tells.get("etag") == etag and one.tells["resources"] == other.tells["resources"]


def _joined(one: Found, other: Found) -> Found:
    return Found(
        kind=one.kind,
        addresses=sort_addresses((*one.addresses, *other.addresses)),
        port=one.port,
        scheme=other.scheme if "mdns" in other.by else one.scheme,
        host=one.host or other.host,
        path=other.path if "mdns" in other.by else one.path,
        ours=one.ours or other.ours,
        version=one.version or other.version,
        tells={**other.tells, **one.tells},
        by=tuple(sorted({*one.by, *other.by})),
    )


def _without_etag(found: Found) -> Found:
    tells = {name: value for name, value in found.tells.items() if name != "etag"}
    return Found(**{**vars(found), "tells": tells})


def _text(txt: Mapping[bytes, bytes | None], key: bytes) -> str:
    return clip((txt.get(key) or b"").decode(errors="replace"))
