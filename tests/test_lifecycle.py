# SPDX-License-Identifier: BSD-3-Clause
"""How a service runs and ends: signals, exit codes, systemd, the log."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from pyaiot import lifecycle, sd_notify
from pyaiot.cli.generate_keys import make_all
from pyaiot.lifecycle import StartupError, first_fault, started
from pyaiot.log_limit import MAX_ERRORS, MAX_KINDS, MAX_RECORDS, WINDOW_S, Kind, LimitFilter, LogLimit
from pyaiot.options import ConfigurationError, OptionError
from pyaiot.settings import CommonSettings
from tests.patience import PATIENCE_S, is_within

BIN = Path(sys.executable).parent
TIMEOUT_S = PATIENCE_S

#: A service for each thing that can happen, run by lifecycle in a process of its own.
SERVICES = """
import asyncio, logging, os, sys
from pyaiot import lifecycle
from pyaiot.settings import CommonSettings

log = logging.getLogger("pyaiot.test")
lifecycle.STOP_TIMEOUT_S = 0.3

class Serves:
    async def run(self, ready):
        ready()
        print("ready", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            print("ended in order", flush=True)

class CannotStart:
    async def run(self, ready):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.fail())
            await asyncio.Event().wait()
    async def fail(self):
        raise lifecycle.StartupError("the port is taken:\\nforged: choose another\\x1b[2J")

class HasABug:
    async def run(self, ready):
        ready()
        await asyncio.sleep(0)
        raise RuntimeError("a fault\\n2024-01-01 00:00:00,000 - pyaiot - INFO - forged")

class HasABugAtTheEnd:
    async def run(self, ready):
        ready()
        print("ready", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("a fault at the end")

class Returns:
    async def run(self, ready):
        ready()

class DoesNotEnd:
    async def run(self, ready):
        ready()
        print("ready", flush=True)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

class Logs:
    async def run(self, ready):
        ready()
        log.info("said %s", "a\\r\\n2024-01-01 - forged\\x1b[31m\\u2028\\x00é")
        log.warning("a warning")
        for number in range(30):
            log.info("again and again: %d", number)

def start():
    service = globals()[sys.argv[1]]()
    debug = len(sys.argv) > 2
    return lifecycle.run(service, CommonSettings(debug=debug))

sys.exit(lifecycle.main(start))
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("services") / "services.py"
    path.write_text(SERVICES)
    return path


def start(*command: str | Path, stderr: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)


def end(process: subprocess.Popen[str], number: signal.Signals | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, after a signal if there is one."""
    try:
        if number is not None:
            process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, err or ""


def run(script: Path, *arguments: str) -> tuple[int, str, str]:
    return end(start(sys.executable, script, *arguments))


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], TIMEOUT_S)[0], "nothing was said"
    return process.stdout.readline()


# Signals and exit codes, in real processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_broker_in_order(number: signal.Signals, tmp_path: Path) -> None:
    make_all(tmp_path / "keys", force=False)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(TIMEOUT_S)
        broker = start(
            BIN / "aiot-broker",
            "--broker-port=0",
            f"--key-file={tmp_path / 'keys'}",
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="300000",
        )
        try:
            told = {notify.recv(100) for _ in range(2)}
            while told != {b"READY=1", b"WATCHDOG=1"}:
                told.add(notify.recv(100))
            for _ in range(2):
                assert notify.recv(100) == b"WATCHDOG=1"
            began = time.monotonic()
            code, out, err = end(broker, number)
            took = time.monotonic() - began
        finally:
            broker.kill()
            broker.wait()
        while (last := notify.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
    assert (code, out) == (0, ""), err
    assert is_within(took, 5)
    assert "Traceback" not in err
    assert "pyaiot.lifecycle -  INFO - Stopping" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_in_order(script: Path, number: signal.Signals) -> None:
    service = start(sys.executable, script, "Serves")
    assert first_line(service) == "ready\n"
    code, out, err = end(service, number)
    assert (code, out) == (0, "ended in order\n")
    assert "Stopping" in err


def test_a_service_that_does_not_end_is_given_up(script: Path) -> None:
    service = start(sys.executable, script, "DoesNotEnd")
    assert first_line(service) == "ready\n"
    code, _, err = end(service, signal.SIGTERM)
    assert code == 1
    assert "Not everything ended within 0.3 s" in err
    assert "Traceback" not in err


def test_what_cannot_start_is_one_line_and_exit_code_75(script: Path) -> None:
    code, out, err = run(script, "CannotStart")
    assert (code, out) == (75, "")
    assert err == "services.py: the port is taken:\\x0aforged: choose another\\x1b[2J\n"


def test_a_bug_is_told_once_with_its_traceback(script: Path) -> None:
    code, out, err = run(script, "HasABug")
    assert (code, out) == (1, "")
    assert err.count("Traceback (most recent call last)") == 1
    assert err.count("please report this") == 1
    lines = err.splitlines()
    assert "CRITICAL - Ended by a fault of its own" in lines[0]
    assert all(line.startswith("    ") for line in lines[1:])  # what it says looks like no line of the log
    assert "    2024-01-01 00:00:00,000 - pyaiot - INFO - forged" in lines


def test_a_bug_while_stopping_is_told_too(script: Path) -> None:
    service = start(sys.executable, script, "HasABugAtTheEnd")
    assert first_line(service) == "ready\n"
    code, _, err = end(service, signal.SIGTERM)
    assert code == 1
    assert err.count("    RuntimeError: a fault at the end") == 1


def test_a_service_that_returns_is_over(script: Path) -> None:
    assert run(script, "Returns") == (0, "", "")


def test_main_turns_mistakes_into_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(error: BaseException) -> None:
        raise error

    assert lifecycle.main(lambda: None) == 0
    assert lifecycle.main(lambda: 5) == 5
    assert lifecycle.main(lambda: fails(KeyboardInterrupt())) == 130
    assert lifecycle.main(lambda: fails(BrokenPipeError())) == 1
    assert capsys.readouterr().err == ""
    assert lifecycle.main(lambda: fails(OptionError("x"))) == 78
    assert lifecycle.main(lambda: fails(ConfigurationError("x")), service=False) == 78
    capsys.readouterr()
    assert lifecycle.main(lambda: fails(ConfigurationError("a\nb"))) == 75
    assert capsys.readouterr().err.endswith(": a\\x0ab\n")
    with pytest.raises(ZeroDivisionError):
        lifecycle.main(lambda: fails(ZeroDivisionError()))


def test_a_folder_that_is_gone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError):
        lifecycle.main(lambda: os.stat(tmp_path / "none").st_uid)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert lifecycle.main(lambda: len(os.path.abspath("x"))) == 78
    assert capsys.readouterr().err.endswith("the current folder is gone: change to one that is there\n")


# systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@aiot-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if abstract else name)
        listening.settimeout(TIMEOUT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        sd_notify.notify("READY=1")
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_systemd_says_how_often_it_wants_to_hear(environment: dict[str, str], interval_s: float | None) -> None:
    assert sd_notify.watchdog_interval_s(environment, 7) == interval_s


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    sd_notify.notify("READY=1")


# Services that need each other


class Recorded:
    """A service that writes down what happens to it."""

    def __init__(self, name: str, diary: list[str], *, fails: BaseException | None = None, early: bool = False) -> None:
        self._name = name
        self._diary = diary
        self._fails = fails
        self._early = early
        self.fault = asyncio.Event()

    async def run(self, ready: lifecycle.Ready) -> None:
        self._diary.append(f"{self._name} starts")
        try:
            if self._fails is not None and self._early:
                raise self._fails
            ready()
            await self.fault.wait()
            if self._fails is not None:
                raise self._fails
        finally:
            await asyncio.sleep(0)
            self._diary.append(f"{self._name} ends")


async def test_services_start_and_end_like_brackets() -> None:
    diary: list[str] = []
    async with started(Recorded("broker", diary), "broker") as broker:
        diary.append("inside")
        async with started(Recorded("gateway", diary), "gateway"):
            diary.append("further inside")
        assert not broker.done()
        assert broker.get_name() == "broker"
    assert diary == ["broker starts", "inside", "gateway starts", "further inside", "gateway ends", "broker ends"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_service_raises_before_it_is_ready_comes_out() -> None:
    diary: list[str] = []
    gateway = Recorded("gateway", diary, fails=StartupError("taken"), early=True)

    async def everything() -> None:
        async with started(Recorded("broker", diary), "broker"), started(gateway, "gateway"):
            diary.append("never")

    with pytest.raises(StartupError, match="taken"):
        await everything()
    assert diary == ["broker starts", "gateway starts", "gateway ends", "broker ends"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_service_that_ends_before_it_is_ready_is_a_fault() -> None:
    class Nothing:
        async def run(self, ready: lifecycle.Ready) -> None:
            pass

    with pytest.raises(RuntimeError, match="nothing ended before it was ready"):
        async with started(Nothing(), "nothing"):
            raise AssertionError


async def test_the_first_fault_ends_all() -> None:
    diary: list[str] = []
    gateway = Recorded("gateway", diary, fails=RuntimeError("a fault"))

    async def everything() -> None:
        async with started(Recorded("broker", diary), "broker") as one, started(gateway, "gateway") as two:
            diary.append("running")
            gateway.fault.set()
            await first_fault([one, two])

    with pytest.raises(RuntimeError, match="a fault"):
        await everything()
    assert diary == ["broker starts", "gateway starts", "running", "gateway ends", "broker ends"]


def test_a_configuration_error_is_found_in_a_group() -> None:
    expected = StartupError("x")
    group = ExceptionGroup("", [ValueError(), ExceptionGroup("", [TypeError(), expected])])
    assert lifecycle.find_configuration_error(group) is expected
    assert lifecycle.find_configuration_error(ExceptionGroup("", [ValueError()])) is None
    assert lifecycle.find_configuration_error(ValueError()) is None


async def test_closing_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    await lifecycle.closing(asyncio.sleep(0), 5, "that")
    assert caplog.text == ""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await lifecycle.closing(never, 0.01, "that")
    assert "that did not end within 0.0 s" in caplog.text


# The log


def test_a_peers_text_forges_no_line(script: Path) -> None:
    code, _, err = run(script, "Logs")
    assert code == 0
    lines = err.splitlines()
    said = [line for line in lines if "said" in line]
    assert len(said) == 1
    assert said[0].endswith("said a\\x0d\\x0a2024-01-01 - forged\\x1b[31m\\x2028\\x00é")
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - +[a-z.]+ - +[A-Z]+ - ", line) for line in lines)


def test_what_is_said_again_and_again_is_counted(script: Path) -> None:
    _, _, err = run(script, "Logs")
    assert err.count("again and again: ") == MAX_RECORDS + 1
    assert "pyaiot.test -  INFO - Not logged again, 10 times: again and again: %d\n" in err


def test_colours_are_for_terminals_only(script: Path) -> None:
    assert "\x1b" not in run(script, "Logs")[2]
    assert "\x1b[33m" in on_a_terminal(script)
    assert "\x1b" not in on_a_terminal(script, NO_COLOR="1")


def on_a_terminal(script: Path, **environment: str) -> str:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0) as terminal:
        process = start(sys.executable, script, "Logs", stderr=slave, **environment)
        os.close(slave)
        shown = b""
        while select.select([terminal], [], [], TIMEOUT_S)[0]:
            try:
                shown += (chunk := terminal.read(65_536))
            except OSError:  # the other end is closed (EIO)
                break
            if not chunk:
                break
        assert end(process)[0] == 0
    assert b"a warning" in shown
    return shown.decode()


def test_a_log_file(tmp_path: Path, logging_restored: ModuleType) -> None:
    path = tmp_path / "log"
    settings = CommonSettings(log_file_prefix=str(path), log_file_max_size=2000, log_file_num_backups=2, debug=True)
    limit = lifecycle.configure_logging(settings)
    for number in range(100):
        logging.getLogger(f"pyaiot.test{number}").debug("number %d", number)
    limit.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert path.read_text().endswith("pyaiot.test99 - DEBUG - number 99\n")
    assert all(each.stat().st_size <= 2000 for each in tmp_path.iterdir())


def test_a_log_file_that_cannot_be_written(tmp_path: Path, logging_restored: ModuleType) -> None:
    with pytest.raises(StartupError, match=r"--log-file-prefix: cannot write .*/there/log: No such file"):
        lifecycle.configure_logging(CommonSettings(log_file_prefix=str(tmp_path / "there" / "log")))


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        (CommonSettings(), logging.INFO),
        (CommonSettings(logging="error"), logging.ERROR),
        (CommonSettings(logging="none"), 100),
        (CommonSettings(debug=True, logging="error"), logging.DEBUG),
    ],
)
def test_levels(settings: CommonSettings, level: int, logging_restored: ModuleType) -> None:
    lifecycle.configure_logging(settings)
    assert logging.getLogger().level == level
    assert logging.getLogger("websockets").getEffectiveLevel() >= logging.WARNING


# The limit of the log

SAID = Kind("pyaiot.a", logging.INFO, "said %s")
FAULT = Kind("pyaiot.a", logging.ERROR, "a fault: %s")


def test_the_limit_is_so_many_a_window() -> None:
    limit = LogLimit()
    assert [limit.admits(SAID, 0.0) for _ in range(30)] == [True] * 20 + [False] * 10
    assert [limit.admits(FAULT, 0.0) for _ in range(70)] == [True] * 60 + [False] * 10
    assert limit.admits(Kind("pyaiot.b", *SAID[1:]), 0.0)
    assert (MAX_RECORDS, MAX_ERRORS, WINDOW_S) == (20, 60, 60.0)


def test_a_window_begins_with_its_first_record_and_is_told_once() -> None:
    limit = LogLimit()
    for now in range(30):
        limit.admits(SAID, 10.0 + now)
    assert limit.ended(69.9) == []
    assert not limit.admits(SAID, 69.9)
    assert limit.ended(70.0) == [(SAID, 11)]
    assert limit.ended(70.0) == []
    assert limit.admits(SAID, 70.0)
    assert limit.ended(1000.0) == []  # nothing was suppressed in that one


def test_windows_end_each_at_its_own_time() -> None:
    limit = LogLimit()
    for kind, begin in ((SAID, 0.0), (FAULT, 30.0)):
        for _ in range(100):
            limit.admits(kind, begin)
    assert limit.ended(60.0) == [(SAID, 80)]
    assert limit.ended(90.0) == [(FAULT, 40)]


def test_texts_that_a_peer_makes_up_are_of_one_kind() -> None:
    limit = LogLimit()
    admitted = sum(
        limit.admits(Kind("asyncio", logging.WARNING, f"made up {number}"), 0.0) for number in range(100_000)
    )
    assert admitted == MAX_KINDS + MAX_RECORDS
    assert len(limit._windows) == MAX_KINDS + 1
    [(others, suppressed)] = limit.ended(60.0)
    assert others.template == "(other messages)"
    assert admitted + suppressed == 100_000


def test_the_filter_tells_what_it_kept_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    limit = LimitFilter(handler, clock=lambda: now)
    handler.addFilter(limit)
    logger = logging.getLogger("pyaiot.test")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.DEBUG)

    def lines() -> list[str]:
        said = text.getvalue().splitlines()
        text.seek(0)
        text.truncate()
        return said

    for number in range(25):
        logger.warning("bad frame from %s", number)
    for number in range(65):
        logger.error("fault %s", number)
    assert lines() == [f"pyaiot.test WARNING bad frame from {number}" for number in range(20)] + [
        f"pyaiot.test ERROR fault {number}" for number in range(60)
    ]
    now = 59.0
    logger.info("something else")
    assert lines() == ["pyaiot.test INFO something else"]
    now = 60.0
    logger.warning("bad frame from %s", "x")
    assert lines() == [
        "pyaiot.test WARNING Not logged again, 5 times: bad frame from %s",
        "pyaiot.test ERROR Not logged again, 5 times: fault %s",
        "pyaiot.test WARNING bad frame from x",
    ]
    for _ in range(22):
        logger.warning("bad frame from %s", "x")
    assert len(lines()) == 19
    limit.close()
    assert lines() == ["pyaiot.test WARNING Not logged again, 3 times: bad frame from %s"]
    limit.close()
    assert lines() == []
    for number in range(100):
        logger.debug("frame %d", number)  # whoever asks for these wants them all
    assert len(lines()) == 100
    logger.warning(ValueError("no text"))
    assert lines() == ["pyaiot.test WARNING no text"]


def test_every_service_has_the_limit(logging_restored: ModuleType) -> None:
    lifecycle.configure_logging(CommonSettings())
    [handler] = logging.getLogger().handlers
    assert [type(each) for each in handler.filters] == [LimitFilter]
