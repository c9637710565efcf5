# SPDX-License-Identifier: BSD-3-Clause
"""Why the certificate of whom we called is not trusted, and what to do; why a handshake failed. In words. Pure.

The numbers are OpenSSL's, of X509_STORE_CTX_get_error(3), as ``ssl.SSLCertVerificationError.verify_code`` has them.
"""

from __future__ import annotations

from typing import Final

_NOT_YET: Final = 9
_EXPIRED: Final = 10
_UNKNOWN: Final = frozenset((2, 18, 19, 20, 21))
_WRONG_NAME: Final = frozenset((62, 64))


def why_not_trusted(code: int, message: str, option: str) -> str:
    """One line, without what it is about. ``message`` is OpenSSL's; ``option`` names a file of who is trusted."""
    if code == _EXPIRED:
        return "its certificate, or its CA's, has expired: renew that (or this host's clock is wrong)"
    if code == _NOT_YET:
        return "its certificate does not hold yet: is this host's clock right, and that one's?"
    if code in _UNKNOWN:
        return f"its certificate is signed by none that is trusted here: say {option} with the CA's, or with it itself"
    if code in _WRONG_NAME:
        return f"its certificate has other names ({message.rstrip('. ')}): call it by one of those"
    return f"its certificate is not trusted ({message.rstrip('. ')})"


#: What OpenSSL says when a peer answers something else than TLS, by version.
_NO_TLS: Final = frozenset(("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"))


def why_no_handshake(reason: str | None) -> str:
    """One line for a handshake that failed for another cause; ``reason`` is ``ssl.SSLError.reason``."""
    if reason in _NO_TLS:
        return "what answers there does not speak TLS"
    return f"no TLS connection: {words(reason or 'it ended the handshake')}"


#: What one says by TLS who does not take our certificate (RFC 8446 section 6.2); OpenSSL's names, of both versions.
_DISTRUSTS: Final = ("BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA")


def why_no_client(reason: str | None) -> str:
    """Why one who called us did not come in, in a few words; ``reason`` is ``ssl.SSLError.reason``."""
    if reason == "HTTP_REQUEST":
        return "it speaks HTTP without TLS"
    if reason in _NO_TLS:
        return "it does not speak TLS"
    if reason is not None and reason.endswith(_DISTRUSTS):
        return f"it does not trust the certificate ({words(reason.partition('ALERT_')[2] or reason)})"
    return words(reason or "it ended the handshake")


def words(reason: str | None) -> str:
    """OpenSSL's name for a fault, for people."""
    return (reason or "no reason given").replace("_", " ").lower()
