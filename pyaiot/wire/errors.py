# SPDX-License-Identifier: BSD-3-Clause
"""What can be wrong with what a peer sent. Nothing else is raised by ``pyaiot.wire`` for a peer's input."""


class WireError(Exception):
    """What came over a link cannot be taken; ``str()`` is a short reason without the peer's own text."""


class BadSignature(WireError):
    """A frame or a handshake message does not carry the signature of who should have sent it here and now."""


class Malformed(WireError):
    """Signed properly (or not signed at all, on ``/ws``), but not the JSON that PROTOCOL.md describes."""


class HandshakeFailed(WireError):
    """The session does not begin. The peer is told only that; ``str()`` is for our own log."""
