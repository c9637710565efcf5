# SPDX-License-Identifier: BSD-3-Clause
"""Which services are examined, and what each of them listens on by its settings. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, TypeVar

from pyaiot.addresses import broker_url, broker_url_at, reached_at
from pyaiot.key_parts import GATEWAYS
from pyaiot.ports import BROKER_PORT
from pyaiot.settings import (
    SERVICES,
    CommonSettings,
    DashboardSettings,
    GatewaySettings,
    MqttGatewaySettings,
    TlsSettings,
    UpSettings,
)

Role = Literal["broker", "coap", "mqtt-broker", "mqtt", "ws", "http", "dashboard"]
Transport = Literal["TCP", "UDP"]
S = TypeVar("S", bound=CommonSettings)

UP: Final = "aiot up"
#: Every service by the name of its command, and what it is.
ROLES: Final[dict[str, tuple[Role, ...]]] = {
    "aiot-broker": ("broker",),
    "aiot-coap-gateway": ("coap",),
    "aiot-mqtt-broker": ("mqtt-broker",),
    "aiot-mqtt-gateway": ("mqtt",),
    "aiot-ws-gateway": ("ws",),
    "aiot-http-gateway": ("http",),
    "aiot-dashboard": ("dashboard",),
    UP: ("broker", "coap", "mqtt", "ws", "http", "dashboard"),
}
#: Their settings.
SETTINGS: Final[dict[str, type[CommonSettings]]] = {**SERVICES, UP: UpSettings}
#: Which option says where a role listens (``--<prefix>-host``, ``--<prefix>-port``), and on what.
_DOORS: Final[dict[Role, tuple[Transport, str]]] = {
    "broker": ("TCP", "broker"),
    "coap": ("UDP", "coap"),
    "mqtt-broker": ("TCP", "mqtt"),
    "ws": ("TCP", "gateway"),
    "http": ("TCP", "http"),
    "dashboard": ("TCP", "web"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A service that is examined, with the settings that it runs by, or would run by.

    ``origin``: ``running``, ``unit`` (of systemd) or ``here`` (this command's environment and configuration file).
    ``expected``: it is meant to run, as it does or as systemd is told.
    """

    name: str
    settings: CommonSettings
    roles: tuple[Role, ...]
    origin: Literal["running", "unit", "here"] = "here"
    pid: int | None = None
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """What a service listens on, by its settings; ``option`` is the first part of the options that say so.

    ``tls``: it is the port of TLS beside another one.
    """

    service: str
    role: Role | Literal["metrics"]
    transport: Transport
    host: str
    port: int
    option: str
    pid: int | None = None
    tls: bool = False

    @property
    def port_option(self) -> str:
        """The first part of the option that says its port."""
        return f"{self.option}_tls" if self.tls else self.option


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of this host when the services are chosen.

    ``running`` and ``enabled`` are names of services; ``has_broker`` and ``gateways`` are of the key file, None where
    there is none that can be read.
    """

    asked: tuple[str, ...] = ()
    running: frozenset[str] = frozenset()
    enabled: frozenset[str] = frozenset()
    has_broker: bool | None = None
    gateways: frozenset[str] = frozenset()


def choose(scope: Scope) -> list[str]:
    """Names of the services to examine: those asked for; else those that run, or that systemd is to start; else those
    that have their key here; else all in one."""
    if scope.asked:
        return list(dict.fromkeys(scope.asked))
    found = scope.running | scope.enabled
    if found:
        return [name for name in ROLES if name in found]
    if scope.has_broker is False:
        with_key = [name for protocol, name in GATEWAYS.items() if protocol in scope.gateways]
        return with_key or [UP]
    return [UP]


def roles_of(name: str, settings: CommonSettings, *, can_embed: bool) -> tuple[Role, ...]:
    """What the service is with these settings: an MQTT gateway may be the MQTT broker, too.

    ``can_embed``: that is installed; all in one does without where it is not.
    """
    roles = ROLES[name]
    embedded = "mqtt" in roles and getattr(settings, "embedded_broker", False) and (can_embed or name != UP)
    return (*roles, "mqtt-broker") if embedded else roles


def doors(subject: Subject) -> list[Door]:
    """Everything that it listens on."""
    found: list[Door] = []
    for role in subject.roles:
        if role in _DOORS:
            transport, option = _DOORS[role]
            host = str(getattr(subject.settings, f"{option}_host")).strip("[]")
            said = getattr(subject.settings, f"{option}_port")
            port = BROKER_PORT if said in ("", None) else int(said)
            by_tls = _tls_port(subject.settings, option)
            if by_tls is None or not getattr(subject.settings, "tls_only", False):
                found.append(Door(subject.name, role, transport, host, port, option, subject.pid))
            if by_tls is not None:
                found.append(Door(subject.name, role, transport, host, by_tls, option, subject.pid, tls=True))
    metrics = getattr(subject.settings, "metrics_port", "")
    if metrics not in ("", None):
        host = str(getattr(subject.settings, "metrics_host", "localhost")).strip("[]")
        found.append(Door(subject.name, "metrics", "TCP", host, int(metrics), "metrics", subject.pid))
    return found


def tls_settings(settings: CommonSettings) -> TlsSettings | None:
    """``settings``, of a service to which others may come by TLS: of MQTT gateways those with an MQTT broker."""
    if isinstance(settings, MqttGatewaySettings) and not (settings.embedded_broker or isinstance(settings, UpSettings)):
        return None
    return settings if isinstance(settings, TlsSettings) else None


def shows_certificate(settings: CommonSettings) -> bool:
    """Whether it speaks TLS with those that come to it."""
    mine = tls_settings(settings)
    return mine is not None and bool(mine.tls_cert or mine.tls_key)


def _tls_port(settings: CommonSettings, option: str) -> int | None:
    """The port by TLS beside that of ``option``, or None."""
    return getattr(settings, f"{option}_tls_port", None) if shows_certificate(settings) else None


def gateway_name(role: Role, settings: CommonSettings, keys: Collection[str]) -> str:
    """As ``keys.Keys.gateway`` finds the name of a gateway: what is said, else the only one, else its protocol."""
    said = str(getattr(settings, "gateway_name", ""))
    return said or (next(iter(keys)) if len(keys) == 1 else role)


def located(settings: S, home: str, folder: str) -> S:
    """The settings with every path absolute, as it is for a process with that home and working folder."""
    changed: dict[str, Any] = {
        each.name: absolute(getattr(settings, each.name), home, folder)
        for each in fields(settings)
        if each.metadata["metavar"] in ("FILE", "FOLDER")
    }
    return replace(settings, **changed) if changed else settings


def absolute(path: str, home: str, folder: str) -> str:
    """A path as a process means it; an empty one stays empty."""
    if path == "~" or path.startswith("~/"):
        return home.rstrip("/") + path[1:] or "/"
    return path if not path or path.startswith("/") else f"{folder.rstrip('/')}/{path}"


def known_options() -> frozenset[str]:
    """Every option of every service."""
    return frozenset(each.name for settings in SETTINGS.values() for each in fields(settings))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker is: ``url`` is its ``/gw``. ``ca``: certificates that it is trusted by, empty: the system's.

    ``verify``: not where it is a service of this very host's by its settings, or where only browsers judge.
    """

    url: str
    ca: str = ""
    verify: bool = True


def place_of(subject: Subject) -> Place | None:
    """The broker that ``subject`` is, or talks to; None where it does not, or only a browser knows.

    Raises ValueError, in one line: no host can be called so.
    """
    settings = subject.settings
    if "broker" in subject.roles or isinstance(settings, UpSettings):
        host, tls = reached_at(settings.broker_host), bool(getattr(settings, "tls_cert", ""))
        return Place(broker_url(host, settings.broker_port or str(BROKER_PORT), tls, "/gw"), verify=False)
    if any(role in GATEWAYS for role in subject.roles) and isinstance(settings, GatewaySettings):
        if settings.broker:
            url = broker_url_at(settings.broker, "/gw")
        else:
            url = broker_url(settings.broker_host, settings.broker_port, settings.broker_ssl, "/gw")
        return Place(url, settings.broker_ca)
    if isinstance(settings, DashboardSettings) and "dashboard" in subject.roles and not settings.broker_url:
        tls = settings.broker_ssl or bool(settings.tls_cert)
        host = reached_at(settings.broker_host)
        return Place(broker_url(host, settings.broker_port, tls, "/gw"), verify=False)
    return None


def places(subjects: Iterable[Subject]) -> dict[Place, list[Subject]]:
    """The subjects that talk to a broker, by where that is. Who does not judge goes with who does."""
    found: dict[Place, list[Subject]] = {}
    for each in subjects:
        try:
            place = place_of(each)
        except ValueError:
            continue  # its settings say so
        if place is not None:
            found.setdefault(place, []).append(each)
    for place in [each for each in found if not each.verify]:
        better = next((each for each in found if each.verify and each.url == place.url), None)
        if better is not None:
            found[better] += found.pop(place)
    return found


def not_examined(chosen: Sequence[str], scope: Scope) -> list[str]:
    """Gateways with a key here, and the broker, that neither run nor are examined."""
    if UP in chosen or scope.asked or not scope.running | scope.enabled:
        return []
    have = [name for protocol, name in GATEWAYS.items() if protocol in scope.gateways]
    if scope.has_broker:
        have.insert(0, "aiot-broker")
    return [name for name in have if name not in chosen]
