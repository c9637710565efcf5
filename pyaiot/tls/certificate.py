# SPDX-License-Identifier: BSD-3-Clause
"""The certificate that a service shows: read, checked, and taken up anew while connections come in."""

from __future__ import annotations

import os
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.options import ConfigurationError, OptionError
from pyaiot.private_file import fingerprint
from pyaiot.settings import DeviceTlsSettings, TlsSettings
from pyaiot.tls.counters import families as counter_families
from pyaiot.tls.faults import Faults
from pyaiot.tls.tornado_socket import ServerContext, TlsSocket
from pyaiot.tls.validity import Validity
from pyaiot.tls.validity import families as validity_families

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: No chain and no key is longer, in bytes.
MAX_FILE_BYTES: Final = 262_144

Fingerprint = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Loaded:
    """What two files held when they were read."""

    context: ServerContext
    validity: Validity
    #: The names of hosts that it is for, in lower case; one with ``*`` stands for several.
    names: tuple[str, ...]


class ServerCertificate:
    """The certificate and key in two files, and the server's side of TLS with them (``context``).

    Raises ConfigurationError, one line that says what to do. Connections are shown what was read last.
    """

    def __init__(self, certificate: str, key: str, *, clock: Callable[[], float] = time.time) -> None:
        self._files = (certificate, key)
        self._clock = clock
        self._seen = self._fingerprint()
        #: What those did wrong who were shown it.
        self.faults = Faults()
        self._loaded = load(certificate, key, clock())
        self.context = self._loaded.context
        self.context.faults = self.faults
        # Asked at each handshake, with a name or without: there a connection gets the certificate of the day.
        self.context.sni_callback = self._show

    @property
    def names(self) -> tuple[str, ...]:
        """The names of hosts that it is for."""
        return self._loaded.names

    @property
    def validity(self) -> Validity:
        """From when until when it holds."""
        return self._loaded.validity

    @property
    def file(self) -> str:
        """Where it is."""
        return self._files[0]

    @property
    def key_file(self) -> str:
        """Where its key is."""
        return self._files[1]

    def key_is_public(self) -> bool:
        """Whether everybody on this host can read the key."""
        try:
            return bool(os.stat(os.path.expanduser(self._files[1])).st_mode & stat.S_IROTH)
        except OSError:  # it was just taken away
            return False

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        yield from validity_families(self.validity)
        yield from counter_families(self.faults.counters)

    def health(self) -> Health:
        """See monitoring.Watched: with one that does not hold nobody is let in who looks at it."""
        now = self._clock()
        refusal = self.validity.refusal(now)
        if refusal is None:
            return Health()
        return Health(f"the certificate in {self.file} {refusal}", max(now - self.validity.ends_at, 0.0))

    def changed(self) -> bool:
        """Whether the files are others than those read last."""
        return self._fingerprint() != self._seen

    def reload(self) -> None:
        """Read the files again. Raises ConfigurationError: what was read before stays in use."""
        self._seen = self._fingerprint()
        loaded = load(*self._files, self._clock())
        loaded.context.faults = self.faults
        self._loaded = loaded

    def _fingerprint(self) -> Fingerprint:
        return tuple(fingerprint(path) for path in self._files)

    def _show(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._loaded.context


def server_certificate(settings: TlsSettings) -> ServerCertificate | None:
    """The certificate that the settings name; None: no TLS. Raises ConfigurationError."""
    if not settings.tls_cert and not settings.tls_key:
        if isinstance(settings, DeviceTlsSettings) and settings.tls_only:
            raise OptionError("--tls-only needs a certificate: --tls-cert FILE and --tls-key FILE")
        return None
    if not settings.tls_key:
        raise OptionError("--tls-cert needs the certificate's private key: --tls-key FILE")
    if not settings.tls_cert:
        raise OptionError("--tls-key needs the certificate: --tls-cert FILE")
    return ServerCertificate(settings.tls_cert, settings.tls_key)


def load(certificate: str, key: str, now: float) -> Loaded:
    """Read and check both files; ``now`` is in seconds since 1970. Raises ConfigurationError."""
    chain, private = _read(certificate, "--tls-cert"), _read(key, "--tls-key")
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        swapped = "; that is a key: are --tls-cert and --tls-key the wrong way round?" * (b"PRIVATE KEY-----" in chain)
        raise ConfigurationError(f"--tls-cert: {certificate} has no certificate in PEM{swapped}")
    if b"PRIVATE KEY-----" not in private:
        raise ConfigurationError(f"--tls-key: {key} has no private key in PEM")
    if b"ENCRYPTED" in private:
        raise ConfigurationError(
            f"--tls-key: {key} has a password, which nobody is there to type: openssl pkey -in … -out … takes it away"
        )
    leaf = _leaf(certificate, chain)
    validity = _validity(leaf)
    if (refusal := validity.refusal(now)) is not None:
        raise ConfigurationError(f"--tls-cert: the certificate in {certificate} {refusal}")
    context = _server_context()
    try:
        context.load_cert_chain(os.path.expanduser(certificate), os.path.expanduser(key), password="")
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            why = f"is not the key of the certificate in {certificate} (the server's own comes first there)"
            raise ConfigurationError(f"--tls-key: {key} {why}") from None
        why = (error.reason or "no certificate and key in PEM").replace("_", " ").lower()
        raise ConfigurationError(f"--tls-cert, --tls-key: {certificate} with {key} cannot be used: {why}") from None
    except OSError as error:  # one was just taken away
        raise ConfigurationError(f"--tls-cert, --tls-key: cannot read {certificate}: {error.strerror}") from None
    return Loaded(context, validity, _names(leaf))


def _read(path: str, option: str) -> bytes:
    try:
        status = os.stat(os.path.expanduser(path))
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):  # to open a FIFO could take for ever
            raise ConfigurationError(f"{option}: {path} is no ordinary file")
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "no file can have that name"
        raise ConfigurationError(f"{option}: cannot read {path}: {why}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{option}: {path} is too long for what it should hold")
    return content


def _leaf(path: str, chain: bytes) -> Certificate:
    """The first certificate of a chain, which is the server's own."""
    from cryptography import x509  # 2 MB: only for who speaks TLS

    try:
        return x509.load_pem_x509_certificate(chain)
    except ValueError:
        raise ConfigurationError(f"--tls-cert: {path} is damaged: its first certificate cannot be read") from None


def _validity(leaf: Certificate) -> Validity:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return Validity(begins.timestamp(), ends.timestamp(), f"{begins:%Y-%m-%d %H:%M} UTC", f"{ends:%Y-%m-%d %H:%M} UTC")


def _names(leaf: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name.lower() for name in alternative.get_values_for_type(x509.DNSName))


def _server_context() -> ServerContext:
    """TLS 1.2 and 1.3, Python's choice of ciphers; what a peer could have us do without end is off."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.sslsocket_class = TlsSocket
    context.set_alpn_protocols(["http/1.1"])
    return context
