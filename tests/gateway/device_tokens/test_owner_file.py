# SPDX-License-Identifier: BSD-3-Clause
"""The owners file: kept over restarts, shared, changed by hand, broken, and gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pyaiot.gateway.device_tokens import owner_file
from pyaiot.gateway.device_tokens.owner_file import OwnerFile, OwnerFileError, load, store
from pyaiot.gateway.device_tokens.owners import Accounts
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_file, "LOOK_S", 0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "device-owners"


@asynccontextmanager
async def running(path: Path, lost: Callable[[Sequence[str]], None] = lambda uids: None) -> AsyncIterator[OwnerFile]:
    """A gateway's; it is stopped in order at the end."""
    kept = OwnerFile(str(path))
    kept.start(lost)
    try:
        yield kept
    finally:
        await kept.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def says(path: Path) -> Accounts:
    return load(path) if path.exists() else {}


async def test_what_was_proved_is_kept_over_a_restart_also_without_an_end(path: Path) -> None:
    async with running(path):
        pass
    assert list(path.parent.iterdir()) == [], "nothing was proved"
    async with running(path) as killed:
        killed.owners.prove("joe", "acc-1")
        await until(lambda: says(path) == {"joe": "acc-1"})
        assert path.stat().st_mode & 0o777 == 0o600
        async with running(path) as again:
            assert not again.owners.admits("joe", "acc-2")
            again.owners.prove("jim", None)  # and ends before it would have looked
    assert says(path) == {"joe": "acc-1", "jim": None}


async def test_an_end_in_order_saves_what_is_new(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_file, "LOOK_S", 3600.0)
    async with running(path) as kept:
        kept.owners.prove("joe", "acc-1")
    assert says(path) == {"joe": "acc-1"}
    await kept.stop()


async def test_gateways_that_share_it_know_what_each_has_learned_and_the_first_to_save_is_right(path: Path) -> None:
    lost: list[str] = []
    async with running(path) as one, running(path, lost.extend) as two:
        one.owners.prove("joe", "acc-1")
        await until(lambda: "joe" in two.owners)
        two.owners.prove("jim", "acc-2")
        await until(lambda: one.owners.accounts == two.owners.accounts == says(path))
        store(path, {**says(path), "eve": "acc-1"})
        two.owners.prove("eve", "acc-2")
        await until(lambda: "eve" in lost and not two.owners.unsaved)
        assert two.owners.accounts["eve"] == says(path)["eve"] == "acc-1"


async def test_who_is_released_is_nobodys_and_stays_so(path: Path) -> None:
    lost: list[str] = []
    async with running(path, lost.extend) as kept:
        for uid in ("joe", "jim"):
            kept.owners.prove(uid, "acc-1")
        await until(lambda: len(says(path)) == 2)
        with owner_file.FILE.changing(path):
            store(path, {"jim": "acc-1"})
        await until(lambda: lost == ["joe"])
        kept.owners.prove("bob", "acc-1")
        await until(lambda: says(path) == {"jim": "acc-1", "bob": "acc-1"})
        assert kept.owners.admits("joe", "acc-2")


@pytest.mark.parametrize("broken", [b"", b"joe acc-1\n", b"\xff", b"[devices]\n"])
async def test_a_broken_file_is_one_line_and_no_start(path: Path, broken: bytes) -> None:
    store(path, {})
    path.write_bytes(broken)
    with pytest.raises(OwnerFileError, match=r"^Invalid owners file provided: .*device-owners") as refused:
        OwnerFile(str(path)).start(lambda uids: None)
    assert "\n" not in str(refused.value)
    path.chmod(0o644)
    with pytest.raises(OwnerFileError, match=r"others can read the owners file .*chmod 600"):
        OwnerFile(str(path)).start(lambda uids: None)


async def test_one_that_breaks_while_it_is_used_opens_nothing_and_is_not_written_over(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[str] = []
    async with running(path, lost.extend) as kept:
        kept.owners.prove("joe", "acc-1")
        await until(lambda: "joe" in says(path))
        path.write_text("joe acc-2\n")
        await until(lambda: "Invalid owners file" in caplog.text)
        kept.owners.prove("jim", "acc-1")
        looks = kept._looks._timer
        await until(lambda: kept._looks._timer is not looks)
        assert (path.read_text(), lost) == ("joe acc-2\n", [])
        assert not kept.owners.admits("joe", "acc-2")
        store(path, {"joe": "acc-1"})  # restored
        await until(lambda: says(path) == {"joe": "acc-1", "jim": "acc-1"})
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1


async def test_one_that_is_gone_releases_nobody_and_is_there_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(path) as kept:
        kept.owners.prove("joe", "acc-1")
        await until(lambda: "joe" in says(path))
        path.unlink()
        await until(lambda: "joe" in says(path))
        assert not kept.owners.admits("joe", "acc-2")
        await until(lambda: "was gone" in caplog.text)


async def test_one_that_cannot_be_written_costs_a_line_and_the_restart_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_file, "RETRY_S", 0.01)
    (tmp_path / "file").write_text("")
    path = tmp_path / "home" / "device-owners"
    async with running(path) as kept:
        path.parent.rmdir()
        path.parent.symlink_to(tmp_path / "file")  # no folder can be made there
        for uid in ("joe", "jim"):
            kept.owners.prove(uid, "acc-1")
            await until(lambda: "cannot be changed" in caplog.text)
        assert not kept.owners.admits("joe", "acc-2")
        assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1
        path.parent.unlink()
        await until(lambda: len(says(path)) == 2)


@pytest.mark.parametrize("place", ["file/device-owners", "file/home/device-owners", "/proc/own/x"])
async def test_where_none_can_be_written_the_start_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    kept = OwnerFile(str(tmp_path / place))
    with pytest.raises(OwnerFileError, match=r"cannot be written: .*: choose another with --device-owners") as refused:
        kept.start(lambda uids: None)
    assert "\n" not in str(refused.value)


async def test_without_a_path_it_is_kept_nowhere() -> None:
    kept = OwnerFile()
    kept.start(lambda uids: None)
    kept.owners.prove("joe", "acc-1")
    await kept.stop()
    assert not kept.owners.admits("joe", "acc-2")
