# SPDX-License-Identifier: BSD-3-Clause
"""What commands do when standard output takes nothing: real pipes and files, without a process each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pyaiot.cli.output import written

#: As print(flush=True) meets it, and as it is met at the end only.
TOLD: list[Callable[[], Any]] = [
    lambda: print("x", flush=True),
    lambda: print("x"),
    lambda: print("x" * 100_000),  # more than is kept to be tried again
    lambda: sys.stdout.buffer.write(b"x" * 100_000) and None,
]


def unread() -> int:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def printing(monkeypatch: pytest.MonkeyPatch, output: int, encoding: str = "utf-8") -> None:
    """From here on standard output is this file."""
    monkeypatch.setattr(sys, "stdout", open(output, "w", encoding=encoding))  # noqa: SIM115


@pytest.mark.parametrize("tell", TOLD)
def test_it_is_no_fault_that_the_reader_has_seen_enough(
    tell: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printing(monkeypatch, unread())
    assert written(lambda: tell() or 0) == 0
    sys.stdout.close()  # as Python does when it ends; it would complain
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("tell", TOLD)
def test_a_full_disk_is_told_in_one_line(
    tell: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printing(monkeypatch, os.open("/dev/full", os.O_WRONLY))
    assert written(lambda: tell() or 0) == 1
    sys.stdout.close()
    assert capsys.readouterr().err.endswith(": standard output: No space left on device\n")


def test_what_failed_before_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    printing(monkeypatch, unread())
    assert written(lambda: print("x") or 3) == 3


def test_other_faults_are_not_taken_for_one_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        print("x")
        raise ConnectionResetError

    printing(monkeypatch, os.open(os.devnull, os.O_WRONLY))
    with pytest.raises(ConnectionResetError):
        written(fail)


def test_the_end_of_a_help_text_is_an_end_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def help() -> int:
        print("usage")
        sys.exit(0)

    printing(monkeypatch, unread())
    assert written(help) == 0


@pytest.mark.parametrize(("encoding", "out"), [("ascii", b"\\xb0\n"), ("latin-1", b"\xb0\n"), ("utf-8", b"\xc2\xb0\n")])
def test_a_sign_that_an_encoding_lacks_is_spelled(encoding: str, out: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    printing(monkeypatch, writer, encoding)
    assert written(lambda: print("°") or 0) == 0
    assert os.read(reader, 100) == out
    os.close(reader)


def test_nothing_that_is_meant_for_a_closed_standard_error_is_printed_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        assert written(lambda: print("fault", file=sys.stderr) or 0) == 0
    assert capsys.readouterr().out == ""
