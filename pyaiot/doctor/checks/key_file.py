# SPDX-License-Identifier: BSD-3-Clause
"""What the key file holds, against what the services on this host need of it. Pure: public keys, never private ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyaiot.doctor.checks.configuration import fix_of
from pyaiot.doctor.checks.files import FileFacts, check_private
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.subjects import UP, Subject, gateway_name
from pyaiot.key_parts import BROKER, GATEWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """A key file. Keys are the public ones, as text; ``clients`` counts tokens. ``fault``: why it cannot be read.

    ``command`` is aiot-generate-keys for this very file. ``apart``: gateways have files of their own beside it.
    """

    file: FileFacts
    command: str
    fault: str = ""
    broker: str | None = None
    trusted: str | None = None
    gateways: Mapping[str, str] = field(default_factory=dict)
    authorized: Mapping[str, str] = field(default_factory=dict)
    clients: int = 0
    apart: bool = False

    @property
    def is_read(self) -> bool:
        """Whether we know what is in it."""
        return self.file.exists and not self.file.error and not self.fault


def key_command(path: str, usual: str) -> str:
    """aiot-generate-keys for the key file at ``path``; ``usual`` is the one that it takes by itself."""
    return "aiot-generate-keys" if path == usual else f"aiot-generate-keys --key-file {shlex.quote(path)}"


def check_key_file(facts: KeyFacts, subjects: Sequence[Subject]) -> Iterator[Finding]:
    """The file itself, then what each of ``subjects`` (those that use it) needs of it."""
    by = ", ".join(dict.fromkeys(each.name for each in subjects))
    makes_itself = all(each.name == UP for each in subjects)
    if not facts.file.exists and not facts.file.error and makes_itself:
        summary = f"there is no key file {facts.file.path} yet: aiot up makes it"
        yield Finding(check="keys.missing", level="note", service=by, summary=summary)
        return
    yield from check_private(facts.file, "keys", "key file", facts.command, needed=True, by=by)
    if facts.fault:
        yield Finding(
            check="keys.content", level="problem", service=by, summary=facts.fault, fix=_mended(facts, facts.fault)
        )
    if not facts.is_read:
        return
    yield Finding(check="keys.content", level="ok", service=by, summary=_told(facts), facts=_facts(facts))
    for subject in subjects:
        yield from _check_subject(facts, subject)


def check_apart(facts: KeyFacts, service: str) -> Iterator[Finding]:
    """Whether ``service``, a unit with a user of its own, is given keys of others."""
    if not facts.is_read:
        return
    if service in GATEWAYS.values() and facts.broker is not None:
        yield Finding(
            check="keys.apart",
            level="note",
            service=service,
            summary=f"{service} is given the broker's private key, too, in {facts.file.path}",
            fix="aiot install-units && systemctl daemon-reload && systemctl restart aiot.target",
        )
    elif service == BROKER and facts.gateways and facts.apart:
        yield Finding(
            check="keys.apart",
            level="note",
            service=service,
            summary=f"{facts.file.path} has keys of gateways that have key files of their own",
            fix=f"once these run: {facts.command} --split",
        )


def _check_subject(facts: KeyFacts, subject: Subject) -> Iterator[Finding]:
    if "broker" in subject.roles and facts.broker is None:
        yield _missing(subject, "the broker has no key", facts.command, "keys.broker")
    for role in subject.roles:
        if role not in GATEWAYS:
            continue
        name = gateway_name(role, subject.settings, facts.gateways)
        if name not in facts.gateways:
            if subject.name == UP:
                continue  # it makes what is missing as it starts
            have = f"; it has {', '.join(sorted(facts.gateways))}" if facts.gateways else ""
            yield _missing(
                subject,
                f"the key file has no key for the gateway {name}{have}",
                f"{facts.command} --gateway {name}",
                "keys.gateway",
            )
        # Where both ends are here it is known who admits whom.
        elif "broker" in subject.roles and facts.authorized.get(name) != facts.gateways[name]:
            yield _missing(
                subject,
                f"the broker does not admit the gateway {name} with the key that it has",
                f"{facts.command} --authorize {name} {facts.gateways[name]}",
                "keys.authorized",
            )
    has_gateway = any(role in GATEWAYS for role in subject.roles)
    if has_gateway and facts.trusted is None:
        key = facts.broker or "KEY"
        yield _missing(
            subject,
            "the key file does not say which broker to trust",
            f"{facts.command} --trust-broker {key}"
            + ("" if facts.broker else "   (aiot-generate-keys --list tells it, at the broker)"),
            "keys.trusted",
        )
    elif has_gateway and "broker" in subject.roles and facts.broker not in (None, facts.trusted):
        yield _missing(
            subject,
            f"gateways trust another broker than this one: {facts.trusted}",
            f"{facts.command} --trust-broker {facts.broker}",
            "keys.trusted",
        )


def _missing(subject: Subject, summary: str, fix: str, check: str) -> Finding:
    return Finding(check=check, level="problem", service=subject.name, summary=summary, fix=fix)


def _mended(facts: KeyFacts, fault: str) -> str:
    fix = fix_of(fault)
    if fix.startswith("aiot-generate-keys"):
        return facts.command + fix.removeprefix("aiot-generate-keys")
    return f"correct it, or make new keys, which every gateway then needs: {facts.command} --force"


def _told(facts: KeyFacts) -> str:
    parts = [f"gateways {', '.join(sorted(facts.gateways))}"] if facts.gateways else []
    if facts.broker is not None:
        parts.insert(0, "the broker's key")
        parts.append(f"{len(facts.authorized)} admitted")
        parts.append(f"{facts.clients} client{'' if facts.clients == 1 else 's'} with a token")
    return f"key file {facts.file.path}: {', '.join(parts) or 'no key'}"


def _facts(facts: KeyFacts) -> dict[str, Any]:
    return {
        "path": facts.file.path,
        "broker": facts.broker,
        "trusted": facts.trusted,
        "gateways": dict(facts.gateways),
        "authorized": dict(facts.authorized),
        "clients": facts.clients,
    }
