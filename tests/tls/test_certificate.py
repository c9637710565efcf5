# SPDX-License-Identifier: BSD-3-Clause
"""A service's certificate: what can be wrong with the files is one line that says what to do; renewals are taken up."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyaiot.cli.generate_keys import make_all
from pyaiot.options import ConfigurationError
from pyaiot.settings import BrokerSettings
from pyaiot.tls import renewal
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.renewal import Renewal
from pyaiot.tls.trust import trusting
from tests.patience import PATIENCE_S
from tests.tls.authority import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def shown_by(certificate: ServerCertificate, trusted: Path, name: str = "localhost") -> bytes:
    """The certificate that a client gets, who checks it; both in memory."""
    client = trusting(str(trusted), "--broker-ca")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname=name)
    called = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (caller, called, caller, called):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
    shown = caller.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_one_of_them_is_not_enough() -> None:
    with pytest.raises(ConfigurationError, match=r"^--tls-cert needs .*: --tls-key FILE$"):
        server_certificate(BrokerSettings(tls_cert="cert.pem"))
    with pytest.raises(ConfigurationError, match=r"^--tls-key needs .*: --tls-cert FILE$"):
        server_certificate(BrokerSettings(tls_key="key.pem"))
    assert server_certificate(BrokerSettings()) is None


def test_what_is_wrong_with_the_files(authority: Authority, tmp_path: Path) -> None:
    good, other = authority.issue("localhost"), authority.issue("localhost", file="other")
    locked = authority.issue("localhost", file="locked", password=b"secret")
    old = authority.issue("localhost", file="old", begins_days=-9, ends_days=-2)
    early = authority.issue("localhost", file="early", begins_days=2)
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for certificate, key, why in (
        (fifo, good.key, "--tls-cert: .*fifo is no ordinary file"),
        (tmp_path / "none.pem", good.key, "--tls-cert: cannot read .*: No such file"),
        (good.certificate, tmp_path, "--tls-key: cannot read .*: Is a directory"),
        (good.key, good.certificate, "--tls-cert: .* has no certificate in PEM; .* the wrong way round"),
        (good.certificate, good.certificate, "--tls-key: .* has no private key in PEM"),
        (damaged, good.key, "--tls-cert: .* is damaged"),
        (locked.certificate, locked.key, "--tls-key: .* has a password, .*openssl pkey"),
        (good.certificate, other.key, "--tls-key: .*other.key is not the key of the certificate in .*server.pem"),
        (old.certificate, old.key, "--tls-cert: .* expired on .*: renew it"),
        (early.certificate, early.key, "--tls-cert: .* begins to hold on .*clock"),
    ):
        with pytest.raises(ConfigurationError, match=f"^{why}") as refused:
            ServerCertificate(str(certificate), str(key))
        assert "\n" not in str(refused.value)


def test_who_is_trusted(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue("localhost", "127.0.0.1", "*.Example.org")
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    assert certificate.names == ("localhost", "*.example.org")
    assert shown_by(certificate, authority.file)
    assert shown_by(certificate, authority.file, "127.0.0.1")
    assert shown_by(certificate, issued.certificate)  # itself, though it is no CA's
    with pytest.raises(ssl.SSLCertVerificationError):
        shown_by(certificate, authority.file, "hut")
    with pytest.raises(ssl.SSLCertVerificationError):
        shown_by(certificate, Authority(tmp_path, "stranger").file)
    with pytest.raises(ConfigurationError, match=r"^--broker-ca: .*server.key has no certificates in PEM$"):
        trusting(str(issued.key), "--broker-ca")
    with pytest.raises(ConfigurationError, match=r"^--broker-ca: cannot read nothing: No such file"):
        trusting("nothing", "--broker-ca")


def ends_soon(authority: Authority) -> Issued:
    return authority.issue("localhost", ends_days=20)


@pytest.mark.parametrize("public", [True, False])
async def test_a_renewed_one_is_taken_up_and_a_broken_one_is_not(
    authority: Authority, caplog: pytest.LogCaptureFixture, public: bool
) -> None:
    """By SIGHUP, so that no test waits for a minute; that the files are looked at, too, :func:`test_changes` shows."""
    caplog.set_level(logging.INFO, "pyaiot.tls")
    issued = ends_soon(authority)
    issued.key.chmod(0o644 if public else 0o600)
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    first = shown_by(certificate, authority.file)
    ready = asyncio.Event()
    renewing = asyncio.create_task(Renewal(certificate).run(ready.set))
    try:
        await ready.wait()
        assert "expires in 19 days" in caplog.text
        assert ("server.key: run chmod 640" in caplog.text) is public
        for content, said in ((b"no key", "the certificate that was read before stays in use"), (None, "New conn")):
            if content is None:
                authority.issue("localhost")
            else:
                issued.key.write_bytes(content)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(PATIENCE_S):
                while said not in caplog.text:
                    await asyncio.sleep(0)
            assert (shown_by(certificate, authority.file) == first) is (content is not None)
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def test_one_that_holds_only_later_is_taken_up_then(
    authority: Authority, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "LOOK_S", 0.01)
    now = [time.time()]
    issued = ends_soon(authority)
    certificate = ServerCertificate(str(issued.certificate), str(issued.key), clock=lambda: now[0])
    renewing = asyncio.create_task(Renewal(certificate).run(lambda: None))
    looked = 0

    def reload() -> None:
        nonlocal looked
        looked += 1
        ServerCertificate.reload(certificate)

    monkeypatch.setattr(certificate, "reload", reload)
    authority.issue("localhost", begins_days=2)
    async with asyncio.timeout(PATIENCE_S):
        while looked < 3:
            await asyncio.sleep(0)
        assert caplog.text.count("begins to hold on") == 1
        now[0] += 3 * 86_400
        while certificate.validity.begins_at < now[0] - 2 * 86_400:
            await asyncio.sleep(0)
    assert certificate.validity.refusal(now[0]) is None
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


def test_changes(authority: Authority) -> None:
    issued = ends_soon(authority)
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    assert not certificate.changed()
    authority.issue("localhost")
    assert certificate.changed()
    certificate.reload()
    assert not certificate.changed()


def test_who_closes_the_terminal_ends_what_runs_there(authority: Authority, tmp_path: Path) -> None:
    """SIGHUP is what that says, too, and does not mean a new certificate then."""
    issued = authority.issue("localhost")
    environment = {"HOME": str(tmp_path), "PATH": os.defpath}
    make_all(tmp_path / ".pyaiot" / "keys", force=False)
    ours, theirs = pty.openpty()
    code = "import fcntl, sys, termios; from pyaiot.broker.cli import main; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    command = [sys.executable, "-c", f"{code}; sys.exit(main())", "--broker-port", "0", *issued.flags]
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, **ends, start_new_session=True, env=environment) as process:
        os.close(theirs)
        said = b""
        while b"listening" not in said:
            said += os.read(ours, 4096)
        process.send_signal(signal.SIGHUP)
        while b"New connections get" not in said:
            said += os.read(ours, 4096)
        assert process.poll() is None
        os.close(ours)
        assert process.wait(PATIENCE_S) in (0, 120)  # which is Python's own, when nobody hears its last words
