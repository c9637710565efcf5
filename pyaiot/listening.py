# SPDX-License-Identifier: BSD-3-Clause
"""Opening the sockets that a service listens on, with words for what can be wrong."""

from __future__ import annotations

import socket

from tornado.netutil import bind_sockets

from pyaiot.options import ConfigurationError


class CannotListen(ConfigurationError):
    """An address cannot be listened on; one line that says what to do."""


def bind(host: str, port: int, option: str) -> list[socket.socket]:
    """TCP sockets listening on every address of ``host``, all with one port; 0 asks for a free one.

    ``option`` (``broker``, ``web``) names the options in the advice. Raises CannotListen.
    """
    try:
        return bind_sockets(port, host or None)
    except socket.gaierror:
        raise CannotListen(f"--{option}-host: {host!r} is not a name or address of this host") from None
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "bad name"
        raise CannotListen(
            f"cannot listen on {host} port {port} ({reason}): "
            f"stop what uses it, or choose another with --{option}-port or --{option}-host"
        ) from None


def port_of(sockets: list[socket.socket]) -> int:
    """The port that sockets from :func:`bind` listen on."""
    return int(sockets[0].getsockname()[1])
