# SPDX-License-Identifier: BSD-3-Clause
"""The folder of public keys: what is taken of it, what is said of the rest, and what a change changes."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyaiot.gateway.device_tokens.token_keys import MAX_KEY_FILE_BYTES, TokenKeys
from pyaiot.gateway.device_tokens.tokens import MAX_KEYS
from pyaiot.gateway.ws.cli import make_adapter
from pyaiot.options import ConfigurationError
from pyaiot.settings import WsGatewaySettings
from tests.gateway.ws.token_devices import PLATFORM, STRANGER, keys_folder

from .issuer import Issuer

RSA = Issuer("RS256")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keys_folder(tmp_path / "keys", public=PLATFORM, rsa=RSA)


def names(keys: TokenKeys) -> list[str]:
    return [key.name for key in keys.keys]


def test_all_pem_files_are_keys_and_nothing_else_is(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / ".public.pem.swp").write_text("x")
    (folder / ".hidden.pem").write_text("x")
    (folder / "a link to nothing.pem").symlink_to(folder / "gone")
    keys = TokenKeys(folder)
    keys.load()
    assert [(key.name, key.algorithm) for key in keys.keys] == [("public", "ES256"), ("rsa", "RS256")]
    assert not keys.refresh()


def test_a_missing_folder_is_no_matter_unless_it_was_asked_for(tmp_path: Path) -> None:
    TokenKeys(tmp_path / "none").load()
    with pytest.raises(ConfigurationError, match=r"--device-keys: there is no folder .*aiot device-token"):
        TokenKeys(tmp_path / "none", required=True).load()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"--device-keys: .* cannot be read"):
        TokenKeys(tmp_path / "file").load()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PLATFORM.private_pem, "private key"),
        (b"", "no public key"),
        (b"x" * (MAX_KEY_FILE_BYTES + 1), "too large"),
        (PLATFORM.pem + STRANGER.pem, "more than one"),
    ],
    ids=["private", "empty", "large", "two"],
)
def test_a_file_that_is_no_key_stops_the_start_and_is_named(folder: Path, content: bytes, reason: str) -> None:
    (folder / "odd.pem").write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"odd\.pem: .*{reason}"):
        TokenKeys(folder).load()


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "odd.pem")
    with pytest.raises(ConfigurationError, match=r"odd\.pem"):
        TokenKeys(folder).load()


def test_what_others_can_write_is_not_trusted(folder: Path) -> None:
    (folder / "rsa.pem").chmod(0o666)
    with pytest.raises(ConfigurationError, match=r"others can write to .*rsa\.pem: run chmod go-w"):
        TokenKeys(folder).load()
    (folder / "rsa.pem").chmod(0o644)
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match=r"others can write to .*keys: run chmod go-w"):
        TokenKeys(folder).load()


def test_there_is_a_bound_on_keys(tmp_path: Path) -> None:
    folder = keys_folder(tmp_path / "keys", **{f"key{number}": PLATFORM for number in range(MAX_KEYS + 1)})
    with pytest.raises(ConfigurationError, match=f"key{MAX_KEYS}.pem: there are {MAX_KEYS} keys already"):
        TokenKeys(folder).load()


def test_a_change_counts_and_a_bad_file_costs_only_itself(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    keys = TokenKeys(folder)
    keys.load()
    (folder / "odd.pem").write_text("x")
    (folder / "rsa.pem").unlink()
    assert keys.refresh()
    assert names(keys) == ["public"]
    assert sum("left out" in record.getMessage() for record in caplog.records) == 1
    assert not keys.refresh(), "it is said once"
    keys_folder(folder, odd=STRANGER)
    assert keys.refresh()
    assert names(keys) == ["odd", "public"]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert keys.refresh()
    assert names(keys) == []
    keys_folder(folder, public=PLATFORM)
    assert keys.refresh()
    assert names(keys) == ["public"]


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    """This process has as many open files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.open("/dev/null", os.O_RDONLY)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files_take_no_key_away(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = TokenKeys(folder)
    keys.load()
    (folder / "rsa.pem").unlink()
    with no_file_can_be_opened():
        assert not keys.refresh()
        assert not keys.refresh()
        assert names(keys) == ["public", "rsa"]
    assert ["stay in force" in record.getMessage() for record in caplog.records] == [True], "it is said once"
    assert keys.refresh(), "what changed meanwhile counts as soon as it can be read"
    assert names(keys) == ["public"]


def test_too_many_open_files_after_the_folder_was_listed_take_no_key_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others open files, too: the last one that was free may be gone at any moment."""
    keys = TokenKeys(folder)
    keys.load()
    keys_folder(folder, stranger=STRANGER)
    seen = keys._look()
    monkeypatch.setattr(keys, "_look", lambda: seen)
    with no_file_can_be_opened():
        assert not keys.refresh()
    assert names(keys) == ["public", "rsa"]
    assert keys.refresh()
    assert names(keys) == ["public", "rsa", "stranger"]


def test_a_link_to_itself_costs_only_itself(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = TokenKeys(folder)
    keys.load()
    (folder / "loop.pem").symlink_to("loop.pem")
    for _ in range(2):
        assert not keys.refresh()
        assert names(keys) == ["public", "rsa"]
    assert ["loop.pem" in record.getMessage() for record in caplog.records] == [True], "it is said once"
    (folder / "loop.pem").unlink()
    (folder / "rsa.pem").unlink()
    assert keys.refresh()
    assert names(keys) == ["public"]


def test_a_file_where_the_folder_was_has_no_keys(folder: Path) -> None:
    keys = TokenKeys(folder)
    keys.load()
    folder.rename(folder.with_name("moved"))
    folder.write_text("")
    assert keys.refresh()
    assert names(keys) == []


def test_a_folder_that_others_may_write_to_now_is_trusted_no_more(folder: Path) -> None:
    keys = TokenKeys(folder)
    keys.load()
    folder.chmod(0o777)
    assert keys.refresh()
    assert names(keys) == []
    folder.chmod(0o700)
    assert keys.refresh()
    assert names(keys) == ["public", "rsa"]


def test_the_default_folder_need_not_be_there_and_a_named_one_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_adapter(WsGatewaySettings())._authority._keys.load()
    with pytest.raises(ConfigurationError, match="there is no folder /nowhere"):
        make_adapter(WsGatewaySettings(device_keys="/nowhere"))._authority._keys.load()
