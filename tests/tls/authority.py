# SPDX-License-Identifier: BSD-3-Clause
"""A private CA, and the certificates that it makes, as files."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate (a chain of one) and its key, both PEM."""

    certificate: Path
    key: Path

    @property
    def flags(self) -> tuple[str, ...]:
        """For who shows it."""
        return "--tls-cert", str(self.certificate), "--tls-key", str(self.key)


class Authority:
    """Its own certificate is ``file``."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        authority = x509.BasicConstraints(ca=True, path_length=None)
        made = (
            self._builder(self._name, self._key.public_key(), -1, 90)
            .add_extension(authority, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, *names: str, file: str = "server", begins_days: float = -1, ends_days: float = 60, password: bytes = b""
    ) -> Issued:
        """A certificate for hosts' names and addresses, that holds between so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = (
            self._builder(subject, key.public_key(), begins_days, ends_days)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        issued = Issued(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        issued.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        issued.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
        return issued

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins_days: float, ends_days: float
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + datetime.timedelta(days=begins_days))
            .not_valid_after(NOW + datetime.timedelta(days=ends_days))
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
