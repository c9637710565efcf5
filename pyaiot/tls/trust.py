# SPDX-License-Identifier: BSD-3-Clause
"""Whom a program of ours trusts when it calls by TLS."""

from __future__ import annotations

import os
import ssl

from pyaiot.options import ConfigurationError
from pyaiot.tls.verification import why_no_handshake, why_not_trusted


def trusting(file: str, option: str) -> ssl.SSLContext:
    """The client's side of TLS: certificate and name are checked.

    ``file`` (PEM) has a private CA's certificate, or that of the server itself; empty: the CAs of the system. Raises
    ConfigurationError; ``option`` is what to call it.
    """
    try:
        context = ssl.create_default_context(cafile=os.path.expanduser(file) or None)
    except ssl.SSLError:
        raise ConfigurationError(f"{option}: {file} has no certificates in PEM") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "no file can have that name"
        raise ConfigurationError(f"{option}: cannot read {file}: {why}") from None
    # The certificate of a server, which is no CA's, is trusted when it is in the file.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # RFC 5280 wants fields that the certificates of many private CAs have not; Python asks for them from 3.13 on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def trusting_own_process() -> ssl.SSLContext:
    """For calls to a port that this very process listens on: nobody else can answer there, so nothing is checked.

    So nothing stops at home when the certificate has expired, or has only names that this host cannot look up.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def failure(error: ssl.SSLError, option: str) -> str:
    """Why a call by TLS failed and what to do, in one line; ``option`` names the file for :func:`trusting`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return why_not_trusted(error.verify_code, error.verify_message, option)
    return why_no_handshake(error.reason)
