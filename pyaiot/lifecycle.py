# SPDX-License-Identifier: BSD-3-Clause
"""How every service runs: logging, signals, one event loop, exit codes, word to systemd.

``main(start)`` is the body of each command: it turns a ConfigurationError or StartupError into one line and exit
code 78, SIGINT and SIGTERM into an orderly end, and lets no traceback of an expected mistake reach the user.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, NoReturn, Protocol

from pyaiot import sd_notify
from pyaiot.log_limit import LimitFilter
from pyaiot.options import ConfigurationError
from pyaiot.settings import CommonSettings

EXIT_CONFIGURATION = 78
#: How long a service may take to end after SIGTERM; what is not done by then is abandoned and logged.
STOP_TIMEOUT_S = 4.5
#: Objects made between two looks for garbage that refers to itself, of which there is next to none here.
COLLECT_EVERY = 10_000

log = logging.getLogger("pyaiot.lifecycle")

Ready = Callable[[], None]


class StartupError(ConfigurationError):
    """A service cannot start as things are (a port is taken, a key is missing); one line that says what to do."""


class Service(Protocol):
    """Something that runs until it is cancelled, and then ends in order."""

    async def run(self, ready: Ready) -> None:
        """Start, call ``ready`` once everything is open, serve. Raises StartupError before that."""
        ...


def main(start: Callable[[], int | None]) -> int:
    """Call ``start`` (which loads settings and runs); the exit code of the process. For ``console_scripts``."""
    try:
        return start() or 0
    except ConfigurationError as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}".translate(_CONTROL), file=sys.stderr)
        return EXIT_CONFIGURATION
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def run(service: Service, settings: CommonSettings, *, ready: Ready | None = None) -> int:
    """Set up logging and run ``service`` until SIGINT or SIGTERM; 0 when it ended in order."""
    limit = configure_logging(settings)
    try:
        return _run_loop(lambda: _serve(service, ready))
    finally:
        limit.close()


def _run_loop(body: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run ``body()`` in an event loop of its own: uvloop's where there is one."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(body())


async def _serve(service: Service, ready: Ready | None) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def on_ready() -> None:
        # What was loaded stays; to look through it again and again would hold everybody up for 50 ms each time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY)
        sd_notify.notify("READY=1")
        if ready is not None:
            ready()

    serving = loop.create_task(service.run(on_ready), name="service")
    stopping = loop.create_task(stop.wait(), name="wait for a signal")
    alive = loop.create_task(sd_notify.stay_alive(), name="watchdog")
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    alive.cancel()
    if not serving.done():
        sd_notify.notify("STOPPING=1")
        log.info("Stopping")
        serving.cancel()
        _, late = await asyncio.wait((serving,), timeout=STOP_TIMEOUT_S)
        if late:
            log.error("Not everything ended within %.1f s; giving up on the rest", STOP_TIMEOUT_S)
            _leave(1)
    return _outcome(serving)


def _leave(code: int) -> NoReturn:
    """End the process without waiting for anybody: asyncio would wait for the rest, for ever."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _outcome(serving: asyncio.Task[None]) -> int:
    if serving.cancelled():
        return 0
    error = serving.exception()
    if error is None:
        return 0
    expected = find_configuration_error(error)
    if expected is not None:
        raise expected from None
    log.critical("Ended by a fault of its own; please report this", exc_info=error)
    return 1


def find_configuration_error(error: BaseException) -> ConfigurationError | None:
    """The ConfigurationError that ``error`` is, or that a (nested) exception group holds."""
    if isinstance(error, ConfigurationError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(find_configuration_error, error.exceptions)), None)
    return None


@contextlib.asynccontextmanager
async def started(service: Service, name: str) -> AsyncIterator[asyncio.Task[None]]:
    """A service that is ready inside the ``async with``, and has ended in order behind it; yields its task.

    Raises what the service raised instead of becoming ready.
    """
    is_ready = asyncio.Event()
    task = asyncio.create_task(service.run(is_ready.set), name=name)
    waiting = asyncio.create_task(is_ready.wait(), name=f"{name} is ready")
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not is_ready.is_set():
            await task
            raise RuntimeError(f"{name} ended before it was ready")
        yield task
    finally:
        waiting.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def first_fault(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait, for ever, until one of the services ends; raises what ended it."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task


async def closing(waits: Awaitable[None], timeout_s: float, what: str) -> None:
    """Await an orderly close for at most ``timeout_s``; says so in the log when it took longer."""
    try:
        async with asyncio.timeout(timeout_s):
            await waits
    except TimeoutError:
        log.warning("%s did not end within %.1f s", what, timeout_s)


_COLOURS = {logging.DEBUG: "2", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}


class _Formatter(logging.Formatter):
    """``time - logger - level - message``, in colours on a terminal.

    One line an event but for tracebacks, whose lines are indented: a peer's text never looks like a line of ours.
    """

    def __init__(self, colours: bool) -> None:
        super().__init__("%(asctime)s - %(name)14s - %(levelname)5s - %(message)s")
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        colour = _COLOURS.get(record.levelno) if self._colours else None
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_CONTROL)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {line.translate(_CONTROL)}" for line in lines)


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def configure_logging(settings: CommonSettings) -> LimitFilter:
    """Configure logging for the process: the one place that does. To be closed at the end: what it returns."""
    level = logging.DEBUG if settings.debug else logging.getLevelNamesMapping().get(settings.logging.upper(), 100)
    handler: logging.Handler
    if settings.log_file_prefix:
        try:
            handler = logging.handlers.RotatingFileHandler(
                os.path.expanduser(settings.log_file_prefix),
                maxBytes=settings.log_file_max_size,
                backupCount=settings.log_file_num_backups,
            )
        except OSError as error:
            raise StartupError(f"--log-file-prefix: cannot write {error.filename}: {error.strerror}") from None
    else:
        handler = logging.StreamHandler()
    colours = not settings.log_file_prefix and sys.stderr.isatty() and "NO_COLOR" not in os.environ
    handler.setFormatter(_Formatter(colours))
    limit = LimitFilter(handler)
    handler.addFilter(limit)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("websockets", "tornado.access", "aiocoap", "coap-server", "coap", "amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    # It shows tracebacks of connections that just ended; its user says that in a line.
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)
    # It shows tracebacks of packets that a network did not take.
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    return limit
