# SPDX-License-Identifier: BSD-3-Clause
"""Files that only their owner may read, by their owner, mode and folder (see private_file). Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyaiot.doctor.findings import Finding

_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
_STICKY: Final = 0o1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file, as seen by whoever runs ``aiot doctor``.

    ``error``: why it cannot be looked at or read, in the system's words. ``mode`` and ``folder_mode`` are permission
    bits; None where there is none, or it cannot be seen. ``wanted_uid``: the user that the service runs as, None where
    that is not known. ``credential``: systemd put it there for one service, by rules of its own.
    """

    path: str
    folder: str
    exists: bool
    error: str = ""
    regular: bool = True
    mode: int | None = None
    uid: int | None = None
    folder_mode: int | None = None
    wanted_uid: int | None = None
    credential: bool = False


def check_copy(service: str, original: str, *, certificate: bool, stale: bool) -> Iterator[Finding]:
    """What systemd copied when the service started (LoadCredential) is what it goes by until it is started again.

    ``certificate``: it is that of the service's TLS, or its key.
    """
    if stale:
        so = "the old certificate is still shown" if certificate else "a revoked key is still good there"
        yield Finding(
            check="keys.stale",
            level="warning",
            service=service,
            summary=f"{original} was changed since it started, and it does not know: {so}",
            fix=f"systemctl restart {service}",
            facts={"path": original},
        )


def check_private(facts: FileFacts, check: str, what: str, make: str, *, needed: bool, by: str) -> Iterator[Finding]:
    """Findings ``<check>.missing`` and so on; nothing where the file may be used. ``by``: the services that read it.

    ``make`` is the command that makes it; without it nothing works where it is ``needed``.
    """
    path, folder = shlex.quote(facts.path), shlex.quote(facts.folder)
    shown = {"path": facts.path, "mode": None if facts.mode is None else f"{facts.mode & 0o7777:04o}"}

    def found(name: str, summary: str, fix: str) -> Finding:
        return Finding(check=f"{check}.{name}", level="problem", service=by, summary=summary, fix=fix, facts={**shown})

    if facts.error:
        yield Finding(
            check=f"{check}.unseen",
            level="note",
            service=by,
            summary=f"the {what} {facts.path} cannot be looked at ({facts.error}): sudo aiot doctor can",
            facts=shown,
        )
        return
    if not facts.exists:
        if needed:
            yield found("missing", f"there is no {what} {facts.path}", make)
        return
    if not facts.regular:
        yield found("kind", f"the {what} {facts.path} is no ordinary file", f"move it away, then: {make}")
        return
    if facts.credential:
        return
    if facts.mode is not None and facts.mode & _OTHERS:
        readable = "read and change" if facts.mode & _OTHERS_WRITE else "read"
        yield found(
            "mode",
            f"others can {readable} the {what} {facts.path} (mode {facts.mode & 0o777:04o}): services refuse it",
            f"chmod 600 {path}",
        )
    if facts.folder_mode is not None and facts.folder_mode & _OTHERS_WRITE and not facts.folder_mode & _STICKY:
        yield found("folder", f"others can put another {what} in its place: {facts.folder}", f"chmod 700 {folder}")
    if facts.uid is not None and facts.wanted_uid not in (None, 0, facts.uid):
        yield found(
            "owner",
            f"the {what} {facts.path} belongs to uid {facts.uid}, but the service runs as uid {facts.wanted_uid}",
            f"chown {facts.wanted_uid} {path}",
        )
