# SPDX-License-Identifier: BSD-3-Clause
"""What a request of JSON-RPC can end with besides a result. Pure.

The codes are those of JSON-RPC 2.0 section 5.1, and the broker's own (PROTOCOL.md section 3.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
#: An error that says nothing of its kind: what a peer of JSON-RPC 1.0 tells as a mere text.
UNSPECIFIED: Final = -32000

#: What is in ``data.code``, and its number.
CODES: Final[Mapping[str, int]] = {
    "forbidden": -32001,
    "unknown": -32002,
    "offline": -32003,
    "refused": -32004,
    "timeout": -32005,
    "busy": -32006,
    "expired": -32007,
    "failed": -32008,
    "unsupported": -32009,
    "taken": -32010,
    "left": -32011,
}


class RpcError(Exception):
    """An error as it stands in an answer: raised by methods, and to whoever called.

    ``data`` is UNSET where there is none. ``original`` is the ``error`` of a peer of JSON-RPC 1.0 that is not of
    this shape; UNSET for all others.
    """

    def __init__(self, code: int, message: str, data: Any = UNSET, original: Any = UNSET) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.original = original

    def __str__(self) -> str:
        reason = self.data.get("reason") if isinstance(self.data, dict) else None
        return f"{self.message}: {reason}" if isinstance(reason, str) else self.message

    def __repr__(self) -> str:
        return f"RpcError({self.code}, {str(self)!r})"

    @property
    def name(self) -> str | None:
        """``data.code``, such as ``offline``; None where the error has none."""
        found = self.data.get("code") if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else None

    @classmethod
    def of(cls, name: str, message: str) -> RpcError:
        """The error that the table of PROTOCOL.md section 3.5 calls ``name``. Raises KeyError: it has none such."""
        return cls(CODES[name], message, {"code": name})

    @classmethod
    def parse_error(cls, why: str) -> RpcError:
        """What came is no JSON, or not as strict as PROTOCOL.md section 3.2 wants it."""
        return cls(PARSE_ERROR, "Parse error", {"reason": why})

    @classmethod
    def invalid_request(cls, why: str) -> RpcError:
        """JSON, but no message of JSON-RPC."""
        return cls(INVALID_REQUEST, "Invalid Request", {"reason": why})

    @classmethod
    def method_not_found(cls, name: str) -> RpcError:
        """Nobody declared such a method."""
        return cls(METHOD_NOT_FOUND, "Method not found", {"reason": f"there is no {name[:64]}"})

    @classmethod
    def invalid_params(cls, why: str) -> RpcError:
        """The method takes other parameters."""
        return cls(INVALID_PARAMS, "Invalid params", {"reason": why})

    @classmethod
    def internal(cls) -> RpcError:
        """A fault of ours; what it is stands in our log, and is nobody else's business."""
        return cls(INTERNAL_ERROR, "Internal error")
