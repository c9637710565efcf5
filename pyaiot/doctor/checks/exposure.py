# SPDX-License-Identifier: BSD-3-Clause
"""A broker that other hosts reach: who may look, and who may listen on the way; certificates. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.subjects import Subject
from pyaiot.settings import BrokerSettings
from pyaiot.tls.validity import Validity


def check_exposure(subject: Subject, keys: KeyFacts | None) -> Iterator[Finding]:
    """``subject`` is a broker that is not on loopback."""
    settings = subject.settings
    if not isinstance(settings, BrokerSettings):
        return
    if not settings.tls_cert:
        yield Finding(
            check="exposure.tls",
            level="warning",
            service=subject.name,
            summary=f"other hosts reach the broker ({settings.broker_host}), and nothing is encrypted: who "
            "listens on the way reads tokens and values",
            fix="AIOT_TLS_CERT and AIOT_TLS_KEY= its certificate and key; or AIOT_BROKER_HOST=localhost behind a proxy",
        )
    if settings.anonymous_read:
        yield Finding(
            check="exposure.anonymous",
            level="note",
            service=subject.name,
            summary="everybody who reaches the broker may look (--anonymous-read)",
        )
    elif keys is not None and keys.is_read and not keys.clients:
        yield Finding(
            check="exposure.clients",
            level="warning",
            service=subject.name,
            summary="nobody on another host may look: no client has a token",
            fix=f"{keys.command} --client NAME --role viewer",
        )


def check_certificate(service: str, path: str, validity: Validity, now_s: float) -> Iterator[Finding]:
    """The certificate that a service shows, at ``path``; ``now_s`` is Unix time."""
    facts = {"path": path, "ends": validity.ends}
    if (refusal := validity.refusal(now_s) or validity.warning(now_s)) is None:
        summary = f"the certificate {path} holds until {validity.ends}"
        yield Finding(check="tls.certificate", level="ok", service=service, summary=summary, facts=facts)
        return
    yield Finding(
        check="tls.certificate",
        level="problem" if validity.refusal(now_s) else "warning",
        service=service,
        summary=f"the certificate {path} {refusal.removesuffix(': renew it').removesuffix('; renew it')}",
        fix="renew it (certbot renew, or whoever signed it): services take up the new one by themselves, but those "
        f"that systemd gave a copy: systemctl restart {service}",
        facts=facts,
    )
