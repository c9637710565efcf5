# SPDX-License-Identifier: BSD-3-Clause
"""How a call can fail, as exceptions: one class for each code of PROTOCOL.md section 3.5."""

from __future__ import annotations

from pyaiot.rpc.errors import CODES, RpcError


class Forbidden(RpcError):
    """No good token, or it may not do that."""


class Unknown(RpcError):
    """No such node, resource, entity or watch."""


class Offline(RpcError):
    """The gateway or the device is away, or the broker is."""


class Refused(RpcError):
    """The device said no."""


class TimedOut(RpcError):
    """Nobody answered in time: whether it was done is not known."""


class Busy(RpcError):
    """Too much is under way."""


class Expired(RpcError):
    """Its turn did not come in time: it was not tried."""


class Failed(RpcError):
    """A fault of a gateway."""


class Unsupported(RpcError):
    """It cannot be said to this device."""


class Taken(RpcError):
    """The id is another's."""


class Left(RpcError):
    """Who was called left before it answered; or our own connection was lost: whether it was done is not known."""


class Ended(Exception):
    """Nothing more will come, and nobody wants more: it was closed, or the client was."""


def ended(why: Exception) -> Exception:
    """``why`` something ended, for who waits for more of it."""
    return failure("left", "it was ended, or the client was closed") if isinstance(why, Ended) else why


_CLASSES: dict[str, type[RpcError]] = {
    "forbidden": Forbidden,
    "unknown": Unknown,
    "offline": Offline,
    "refused": Refused,
    "timeout": TimedOut,
    "busy": Busy,
    "expired": Expired,
    "failed": Failed,
    "unsupported": Unsupported,
    "taken": Taken,
    "left": Left,
}
_BY_CODE = {CODES[name]: kind for name, kind in _CLASSES.items()}


def typed(error: RpcError) -> RpcError:
    """The same error, as its class. An entity's own errors stay RpcError."""
    kind = _BY_CODE.get(error.code)
    if kind is None or isinstance(error, kind):
        return error
    return kind(error.code, error.message, error.data, error.original)


def failure(name: str, message: str) -> RpcError:
    """An error of our own, by its name in the table."""
    return typed(RpcError.of(name, message))
