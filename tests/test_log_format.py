# SPDX-License-Identifier: BSD-3-Clause
"""How a record of the log is written, and where which form of it goes."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyaiot.lifecycle import configure_logging
from pyaiot.log_format import MAX_EXCEPTION, MAX_MESSAGE, Journal, Json, Text, priority
from pyaiot.settings import CommonSettings

HOSTILE = "a\r\n<0>forged\x1b[31m\u2028\x7f\x85é\udc80"


def record(message: str = "said %s", *values: object, level: int = logging.INFO) -> logging.LogRecord:
    made = logging.LogRecord("pyaiot.test", level, __file__, 1, message, values, None)
    made.created, made.msecs = 1_795_000_000.0625, 62.5
    return made


def with_traceback(message: str) -> logging.LogRecord:
    made = record("failed", level=logging.ERROR)
    try:
        raise ValueError(message)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_json_is_one_line_of_ascii_with_known_keys() -> None:
    line = Json("aiot-broker").format(record("said %s", HOSTILE))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "time": "2026-11-18T11:06:40.062Z",
        "level": "info",
        "logger": "pyaiot.test",
        "service": "aiot-broker",
        "message": f"said {HOSTILE}",
    }


def test_a_fault_in_json_is_one_line_too() -> None:
    line = Json("aiot-broker").format(with_traceback(HOSTILE))
    assert "\n" not in line
    told = json.loads(line)
    assert list(told) == ["time", "level", "logger", "service", "message", "exception"]
    assert told["exception"].startswith("Traceback (most recent call last):\n")
    assert f"ValueError: {HOSTILE}" in told["exception"]


def test_text_for_the_journal_has_priorities_and_no_time() -> None:
    journal = Journal(Text(time=False))
    assert journal.format(record("said %s", "é", level=logging.WARNING)) == "<4>   pyaiot.test - WARNING - said é"
    lines = journal.format(with_traceback("a fault\n<0>forged")).split("\n")
    assert lines[0] == "<3>   pyaiot.test - ERROR - failed"
    assert all(line.startswith("<3>    ") for line in lines[1:])
    assert journal.format(record("said %s", HOSTILE)).count("\n") == 0
    assert Journal(Json("x")).format(record()).startswith('<6>{"time": ')
    levels = (5, logging.DEBUG, logging.INFO, 25, logging.WARNING, logging.ERROR, logging.CRITICAL, 60)
    assert [priority(level) for level in levels] == [7, 7, 6, 6, 4, 3, 2, 2]


def test_what_is_logged_has_a_bound() -> None:
    for formatter in (Text(), Json("x")):
        assert len(formatter.format(record("%s", "x" * 1_000_000))) < MAX_MESSAGE + 300
        assert len(formatter.format(with_traceback("x" * 1_000_000))) < MAX_EXCEPTION + 1_000
    assert "… (992,000 more characters)" in Text().format(record("%s", "x" * 1_000_000))


SCRIPT = """
import logging, sys
from pyaiot import options
from pyaiot.lifecycle import configure_logging
from pyaiot.settings import CommonSettings
configure_logging(options.load(CommonSettings, program="x", description="", arguments=sys.argv[1:]))
logging.getLogger("pyaiot.test").warning("a warning")
"""


@pytest.mark.parametrize(
    ("matches", "arguments", "pattern"),
    [
        (True, (), r"<4>   pyaiot\.test - WARNING - a warning\n"),
        (True, ("--log-format=json",), r'<4>\{"time": ".*Z", "level": "warning", .*\}\n'),
        (False, (), r"\d{4}-.* -    pyaiot\.test - WARNING - a warning\n"),
        (False, ("--log-format=json",), r'\{"time": ".*Z", "level": "warning", .*\}\n'),
    ],
)
def test_the_journal_is_known_by_its_inode(
    tmp_path: Path, matches: bool, arguments: tuple[str, ...], pattern: str
) -> None:
    """As systemd.exec(5) has it: a service whose output was redirected still inherits the variable."""
    with open(tmp_path / "stderr", "w+") as stderr:
        status = os.fstat(stderr.fileno())
        told = f"{status.st_dev}:{status.st_ino + (not matches)}"
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments],
            check=True,
            stderr=stderr,
            env={**os.environ, "JOURNAL_STREAM": told},
        )
        stderr.seek(0)
        said = stderr.read()
    assert re.fullmatch(pattern, said), said


def test_what_cannot_start_is_an_error_in_the_journal(tmp_path: Path) -> None:
    with open(tmp_path / "stderr", "w+") as stderr:
        status = os.fstat(stderr.fileno())
        code = subprocess.run(
            [sys.executable, "-c", "import sys; from pyaiot.broker.cli import main; sys.exit(main())", "--no-such=1"],
            stderr=stderr,
            env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"},
        ).returncode
        stderr.seek(0)
        assert (code, stderr.read()[:3]) == (78, "<3>")


def test_a_log_file_by_time_and_the_terminal_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logging_restored: object
) -> None:
    settings = CommonSettings(
        log_file_prefix=str(tmp_path / "log"), log_rotate_mode="time", log_rotate_when="W6", log_to_stderr=True
    )
    limit = configure_logging(settings)
    logger = logging.getLogger("pyaiot.test")
    for number in range(30):
        logger.warning("again: %d", number)
    limit.close()
    [both] = logging.getLogger().handlers
    assert "_Both" in type(both).__name__
    in_file = (tmp_path / "log").read_text().splitlines()
    assert len(in_file) == 21  # one limit for both
    assert in_file[-1].endswith("WARNING - Not logged again, 10 times: again: %d")
    assert [re.sub(r"^\S+ \S+ - ", "", line) for line in capfd.readouterr().err.splitlines()] == [
        re.sub(r"^\S+ \S+ - ", "", line) for line in in_file
    ]


def test_a_full_disk_is_said_once(capfd: pytest.CaptureFixture[str], logging_restored: object) -> None:
    limit = configure_logging(CommonSettings(log_file_prefix="/dev/full"))
    for number in range(3):
        logging.getLogger("pyaiot.test").warning("number %d", number)
    limit.close()
    [line] = capfd.readouterr().err.splitlines()
    assert line.endswith(": the log cannot be written: No space left on device")


def test_json_fits_into_a_line_of_the_journal() -> None:
    """Longer ones are split there (LineMax=, journald.conf(5)), and nobody can read the halves."""
    try:
        raise ValueError("\U0001f600" * 50_000)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", ("\U0001f600" * 50_000,), sys.exc_info())
    text = Journal(Json("aiot-broker")).format(record)
    assert len(text) < 48 * 1024
    assert json.loads(text.removeprefix("<3>"))["message"].endswith("more characters)")
