# SPDX-License-Identifier: BSD-3-Clause
"""What a service offers, and how DNS-SD says it: type, name and TXT record (RFC 6763 sections 4, 6 and 7). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pyaiot import __version__
from pyaiot.addresses import MAX_MDNS_LABEL, InterfaceAddress, mdns_label
from pyaiot.ports import BROKER_PORT, COAP_PORT, HTTP_PORT, MQTT_PORT, WEB_PORT, WS_PORT

Kind = Literal["dashboard", "broker", "coap", "mqtt", "ws", "http"]

#: The types of each kind of service, and of what it serves by TLS. The registered ones are what others look for:
#: browsers of services for pages, RFC 9176 section 4.1 for a resource directory.
TYPES: Final[dict[Kind, tuple[str, ...]]] = {
    "dashboard": ("_http._tcp.local.",),
    "broker": ("_aiot-broker._tcp.local.",),
    "coap": ("_coap._udp.local.", "_core-rd._udp.local."),
    "mqtt": ("_mqtt._tcp.local.",),
    "ws": ("_aiot-ws._tcp.local.",),
    "http": ("_aiot-http._tcp.local.",),
}
TLS_TYPES: Final[dict[Kind, tuple[str, ...]]] = {
    "dashboard": ("_https._tcp.local.",),
    "mqtt": ("_secure-mqtt._tcp.local.",),
}

#: An instance's name has so many bytes at most (RFC 6763 section 7.2); two more tell it from others of that name: `-2`.
MAX_NAME: Final = 63 - 3
#: No value in a TXT record is longer, in bytes.
MAX_VALUE: Final = 64
#: How much of the broker's public key is told: to be compared with what `aiot-generate-keys --list` shows.
KEY_CHARACTERS: Final = 16

_USUAL_PORTS: Final[dict[Kind, int]] = {
    "dashboard": WEB_PORT,
    "broker": BROKER_PORT,
    "coap": COAP_PORT,
    "mqtt": MQTT_PORT,
    "ws": WS_PORT,
    "http": HTTP_PORT,
}


@dataclass(frozen=True)
class Offer:
    """One thing that a service offers at ``port`` of what it is bound to, ``host``.

    ``title`` is what people call it; ``path`` where it begins; ``gateway`` its name in the key file; ``key`` the
    broker's public key, as text. ``dual``: see ``policy.announced``.
    """

    kind: Kind
    title: str
    host: str
    port: int
    path: str = "/"
    tls: bool = False
    gateway: str = ""
    key: str = ""
    dual: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """Service types, each with the domain."""
        return TLS_TYPES.get(self.kind, TYPES[self.kind]) if self.tls else TYPES[self.kind]

    def txt(self, type_: str) -> dict[str, str]:
        """The TXT record for one of its ``types``. ``aiot`` says that it is ours; ``txtvers`` comes first."""
        path = "/rd" if type_.startswith("_core-rd.") else self.path
        told = {"txtvers": "1", "aiot": __version__, "path": path, "tls": str(int(self.tls))}
        if self.gateway:
            told["gw"] = self.gateway
        if self.key:
            told["key"] = self.key[:KEY_CHARACTERS]
        return {name: _cut(value, MAX_VALUE) for name, value in told.items()}

    def instance(self, host_name: str) -> str:
        """A name for people, which may be anything but long: `Title on host`, and the port if it is not the usual one.

        So two on one host have two names. mDNS would see to that, but for the answers that come by unicast: of all
        programs of a host that share its port, one gets them.
        """
        port = "" if self.port == _USUAL_PORTS[self.kind] else f":{self.port}"
        host = f" on {_cut(host_name, MAX_MDNS_LABEL)}{port}"
        title = "".join(c for c in self.title if c.isprintable()).strip() or self.kind
        return _cut(title, MAX_NAME - len(host.encode())) + host


def target(host_name: str, addresses: Iterable[InterfaceAddress]) -> str:
    """The name of the host in SRV records, in which those addresses are a part.

    It is not `<host>.local`, which avahi or systemd-resolved have where they run, with other addresses. It is the same
    for all services at the same addresses, and nobody else's.
    """
    told = "\n".join(sorted(f"{each.address}%{each.index if each.is_link_local else 0}" for each in addresses))
    return f"{mdns_label(host_name)}-{hashlib.sha256(told.encode()).hexdigest()[:8]}.local."


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, no character of them broken."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")
