# SPDX-License-Identifier: BSD-3-Clause
"""Waiting that ends in time, whatever the other side does: also for calls that cannot be cancelled."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pyaiot.doctor.findings import NO_ANSWER
from pyaiot.system_errors import number_of

#: How long any one step may take: a name, a connection, an answer.
STEP_S: Final = 2.0
#: Addresses of one name that are looked at.
MAX_ADDRESSES: Final = 16

T = TypeVar("T")


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop that ends without waiting for a resolver that does not answer; asyncio's own would."""

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """See loop.getaddrinfo."""
        return await in_thread(lambda: socket.getaddrinfo(host, port, family, type, proto, flags))


async def in_thread(call: Callable[[], T], timeout_s: float = STEP_S) -> T:
    """What ``call`` returns or raises; TimeoutError if that takes longer. The thread then ends with the process:
    asyncio's own would be waited for at the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)  # type: ignore[arg-type]

    def work() -> None:
        value, fault = None, None
        try:
            value = call()
        except Exception as error:
            fault = error
        try:
            loop.call_soon_threadsafe(settle, value, fault)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    threading.Thread(target=work, name="a call that may take long", daemon=True).start()
    async with asyncio.timeout(timeout_s):
        return await done


async def resolve(host: str, *, passive: bool = False) -> tuple[str, ...]:
    """The addresses of ``host``, none where it has none. Raises TimeoutError.

    ``passive``: as for listening, where an empty name is every address.
    """
    flags = socket.AI_PASSIVE if passive else 0

    def look() -> tuple[str, ...]:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=flags)
        return tuple(dict.fromkeys(str(each[4][0]) for each in found))[:MAX_ADDRESSES]

    try:
        return await in_thread(look)
    except (OSError, UnicodeError):
        return ()


def reason_of(error: BaseException) -> str:
    """One line of what went wrong."""
    if isinstance(error, TimeoutError):
        return NO_ANSWER
    number = number_of(error)
    if number:
        return os.strerror(number).lower()
    return (str(error) or type(error).__name__).splitlines()[0][:200]
