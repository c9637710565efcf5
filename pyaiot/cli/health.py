# SPDX-License-Identifier: BSD-3-Clause
"""``aiot health``: whether a service can do its work, for health checks of containers, for cron, and for people."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from pyaiot import options
from pyaiot.addresses import in_url, is_loopback, reached_at
from pyaiot.cli.wording import clean
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.ports import BROKER_PORT
from pyaiot.settings import (
    ALL_SETTINGS,
    SERVICES,
    BrokerSettings,
    CommonSettings,
    DashboardSettings,
    TlsSettings,
    UpSettings,
)
from pyaiot.system_errors import reason_of

#: How long the service has for its answer, in seconds, and how long that may be.
PATIENCE_S: Final = 2.0
MAX_ANSWER_BYTES: Final = 65_536
EXIT_ILL: Final = 1
KINDS: Final = {**SERVICES, UpSettings.program: UpSettings}


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot health",
        description="Ask a service of this host how it is: one line, and exit code 0 if it can do its work, else 1.",
        epilog="Without a URL it asks where this host's settings say, of a service\n"
        "of systemd those of its unit: at AIOT_METRICS_PORT, or else the broker.",
        allow_abbrev=False,
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="where to ask, such as http://localhost:9100/health")
    parser.add_argument(
        "--service",
        choices=sorted(KINDS),
        metavar="NAME",
        help=f"ask this one, as this host's settings say: {', '.join(KINDS)}",
    )
    parser.add_argument("--config", metavar="FILE", help="read the settings from this TOML file")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Ask, and say it in a line. Raises ConfigurationError."""
    given = make_parser().parse_args(list(arguments))
    if given.url and (given.service or given.config):
        raise ConfigurationError("a URL says where to ask; --service and --config are of no use with it")
    url = given.url or url_of(given.service, ["--config", given.config] if given.config else [])
    try:
        told = asyncio.run(ask(url))
    except Unwell as error:
        print(f"{url}: {clean(str(error))}")
        return EXIT_ILL
    print(line(told, url))
    return 0 if told.get("status") == "ok" else EXIT_ILL


def url_of(service: str | None, arguments: Sequence[str]) -> str:
    """Where the settings of this host say that the service tells its health. Raises ConfigurationError."""
    kind = KINDS[service] if service else BrokerSettings
    environment: Mapping[str, str] = os.environ
    unit = None
    if not arguments and not os.environ.get("AIOT_METRICS_PORT"):
        # Nobody says here where it is: then what systemd starts it by does. Read only then: containers ask each minute.
        from pyaiot.doctor.probes.units import environment_of, unit_of

        unit = unit_of(service or BrokerSettings.program)
    if unit is not None:
        environment = {**environment_of(unit), **{name: value for name, value in os.environ.items() if value}}
        arguments = unit.arguments
    settings: CommonSettings = options.load(
        kind, program="aiot health", description="", arguments=arguments, environment=environment, known=ALL_SETTINGS
    )
    if settings.metrics_port:
        return _url(settings.metrics_host, settings.metrics_port)
    if isinstance(settings, BrokerSettings):
        return _url(settings.broker_host, settings.broker_port or str(BROKER_PORT), _scheme(settings))
    if isinstance(settings, DashboardSettings):
        return _url(settings.web_host, str(settings.web_port), _scheme(settings))
    where = f" in {unit.settings[-1]}" if unit is not None and unit.settings else ""
    raise ConfigurationError(f"{service} tells its health only with --metrics-port (AIOT_METRICS_PORT{where})")


def line(told: Mapping[str, Any], url: str) -> str:
    """What a service said at ``url``, in a line."""
    name = told.get("service", url)
    facts = ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in told.items()
        if key not in ("status", "service", "reason", "since") and isinstance(value, str | int)
    )
    words = [str(told.get("status", "no status"))]
    if told.get("reason"):
        words.append(f"{told['reason']}, since {told.get('since', 'some time')}")
    about = f"{name} ({facts})" if facts else str(name)
    return clean(": ".join([*words, about]))


class Unwell(Exception):
    """There was no answer, or none that says anything; ``str()`` is one line."""


async def ask(url: str) -> dict[str, Any]:
    """The JSON object that is there. Raises Unwell, and ConfigurationError for what is no URL."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{url!r} is no URL such as http://localhost:9100/health")
    context = _tls(parts.hostname) if parts.scheme == "https" else None
    port = port or (443 if context else 80)
    path, host = parts.path.rstrip("/") or "/health", parts.netloc.rpartition("@")[2]
    request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n"
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=MAX_ANSWER_BYTES)
            try:
                writer.write(request.encode("utf-8"))
                answer = await reader.read(MAX_ANSWER_BYTES)
                while not reader.at_eof() and len(answer) < MAX_ANSWER_BYTES:
                    answer += await reader.read(MAX_ANSWER_BYTES - len(answer))
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise Unwell(f"no answer within {PATIENCE_S:.0f} s") from None
    except (OSError, UnicodeError) as error:
        raise Unwell(reason_of(error)) from None
    return parse(answer)


def parse(answer: bytes) -> dict[str, Any]:
    """What an HTTP answer says. Raises Unwell."""
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("status"), str):
        first = head.split(b"\r\n", 1)[0].decode("ascii", "replace")[:80]
        raise Unwell(f"that is no service of pyaiot: it answers {first!r}")
    return told


def _tls(host: str) -> ssl.SSLContext:
    """On loopback nobody is in between, and the certificate is for another name."""
    context = ssl.create_default_context()
    if is_loopback(host):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _url(host: str, port: str, scheme: str = "http") -> str:
    return f"{scheme}://{in_url(reached_at(host))}:{port}/health"


def _scheme(settings: TlsSettings) -> str:
    return "https" if settings.tls_cert else "http"
