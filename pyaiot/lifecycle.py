# SPDX-License-Identifier: BSD-3-Clause
"""How every service runs: logging, signals, one event loop, exit codes, word to systemd.

``main(start)`` is the body of each command: it turns a ConfigurationError or StartupError into one line and exit code
78, or 75 of a service where trying again may help; SIGINT and SIGTERM into an orderly end; and lets no traceback of an
expected mistake reach the user.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, NoReturn, Protocol, TextIO

from pyaiot import log_faults, log_format, sd_notify
from pyaiot.log_limit import LimitFilter
from pyaiot.monitoring import process
from pyaiot.options import ConfigurationError, OptionError
from pyaiot.settings import CommonSettings

EXIT_CONFIGURATION = 78
EXIT_TRY_AGAIN = 75
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


def main(start: Callable[[], int | None], *, service: bool = True) -> int:
    """Call ``start`` (which loads settings and runs); the exit code of the process. For ``console_scripts``.

    Of a ``service`` the exit code tells who starts it again and again, such as systemd, whether that can help.
    """
    try:
        return start() or 0
    except ConfigurationError as error:
        _refuse(str(error))
        return EXIT_TRY_AGAIN if service and not isinstance(error, OptionError) else EXIT_CONFIGURATION
    except FileNotFoundError:
        if _is_somewhere():
            raise
        return _refuse("the current folder is gone: change to one that is there")
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _refuse(why: str) -> int:
    priority = "<3>" if is_journal(os.environ.get("JOURNAL_STREAM", ""), sys.stderr) else ""
    print(priority + f"{os.path.basename(sys.argv[0])}: {why}".translate(log_format.CONTROL), file=sys.stderr)
    return EXIT_CONFIGURATION


def _is_somewhere() -> bool:
    """Whether relative paths mean anything: the current folder may have been deleted, as by an update."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def run(service: Service, settings: CommonSettings, *, ready: Ready | None = None) -> int:
    """Set up logging and run ``service`` until SIGINT or SIGTERM; 0 when it ended in order."""
    limit = configure_logging(settings)
    if settings.metrics_port:
        # Read by those only who want it: it costs up to 5 MB.
        from pyaiot.monitoring.listener import WithListener

        service = WithListener(service, settings)
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
    beside = (
        loop.create_task(sd_notify.stay_alive(), name="watchdog"),
        loop.create_task(process.measure_lag(), name="lag of the event loop"),
    )
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in beside:
        task.cancel()
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


def configure_logging(settings: CommonSettings) -> LimitFilter:
    """Configure logging for the process: the one place that does. To be closed at the end: what it returns."""
    level = logging.DEBUG if settings.debug else logging.getLevelNamesMapping().get(settings.logging.upper(), 100)
    handler = _log_file(settings) if settings.log_file_prefix else _terminal(settings)
    if settings.log_file_prefix and settings.log_to_stderr:
        handler = _Both(handler, _terminal(settings))
    limit = LimitFilter(handler, counts=process.LOG_COUNTS)
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


def _terminal(settings: CommonSettings) -> logging.Handler:
    """Standard error, which may be systemd's journal: that knows the time, and wants priorities."""
    handler = log_faults.Stream()
    is_json, json = settings.log_format == "json", log_format.Json(settings.program)
    if is_journal(os.environ.get("JOURNAL_STREAM", ""), sys.stderr):
        handler.setFormatter(log_format.Journal(json if is_json else log_format.Text(time=False)))
    else:
        colours = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        handler.setFormatter(json if is_json else log_format.Text(colours=colours))
    return handler


def _log_file(settings: CommonSettings) -> logging.Handler:
    """Raises StartupError: it cannot be written."""
    path, backups = os.path.expanduser(settings.log_file_prefix), settings.log_file_num_backups
    handler: logging.Handler
    try:
        if settings.log_rotate_mode == "time":
            handler = log_faults.ByTime(
                *(path, settings.log_rotate_when, settings.log_rotate_interval, backups, "utf-8"),
                errors="backslashreplace",
            )
        else:
            handler = log_faults.BySize(
                *(path, "a", settings.log_file_max_size, backups, "utf-8"), errors="backslashreplace"
            )
    except OSError as error:
        raise StartupError(f"--log-file-prefix: cannot write {error.filename}: {error.strerror}") from None
    is_json = settings.log_format == "json"
    handler.setFormatter(log_format.Json(settings.program) if is_json else log_format.Text())
    return handler


class _Both(logging.Handler):
    """Two handlers as one, so that there is one limit."""

    def __init__(self, *handlers: logging.Handler) -> None:
        super().__init__()
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            handler.handle(record)

    def close(self) -> None:
        for handler in self._handlers:
            handler.close()
        super().close()


def is_journal(told: str, stream: TextIO) -> bool:
    """Whether ``stream`` is what systemd told by JOURNAL_STREAM: device and inode of its journal (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # of what is no file
        return False
    return told == f"{status.st_dev}:{status.st_ino}"
