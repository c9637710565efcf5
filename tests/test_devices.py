# SPDX-License-Identifier: BSD-3-Clause
"""The device file: what it says, what is refused, and that two changes at once are both there."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from pyaiot import devices
from pyaiot.cli import device
from pyaiot.devices import Credential, DeviceFileError, Devices


def made(**passwords: str) -> Devices:
    return Devices({name: Credential.of("device", password.encode()) for name, password in passwords.items()})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "private" / "devices"
    known = made(joe="one", ann="two")
    known.accounts["a:b.c-d_e"] = Credential.of("gateway", b"three")
    devices.store(path, known)
    assert devices.load(path).accounts == known.accounts
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not {"one", "two", "three"} & set(path.read_text().split())


def test_a_password_opens_its_own_account_only() -> None:
    known = made(joe="one", ann="two")
    known.accounts["gw"] = Credential.of("gateway", b"three")
    assert known.verify("joe", b"one") == "device"
    assert known.verify("gw", b"three") == "gateway"
    for user, password in (
        ("joe", b"two"),
        ("joe", b""),
        ("joe", b"one "),
        ("nobody", b"one"),
        ("", b""),
        ("gw", b"one"),
    ):
        assert known.verify(user, password) is None


def test_the_same_password_looks_different_in_two_accounts() -> None:
    known = made(joe="same", ann="same")
    assert known.accounts["joe"].digest != known.accounts["ann"].digest


def test_passwords_are_long_and_need_no_quoting() -> None:
    found = {devices.new_password() for _ in range(500)}
    assert len(found) == 500
    for password in found:
        assert len(password) == 32  # 192 bits
        assert password.replace("_", "a").replace("-", "a").isalnum()
        assert not password.startswith("-")


GOOD = "A" * 21 + "A " + "A" * 43


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("joe = x", "not an INI file"),
        ("[devices]\njoe", "not an INI file"),
        (f"[devices]\njoe = {GOOD}\njoe = {GOOD}", "says something twice"),
        (f"[devices]\njoe = {GOOD}\n[gateways]\njoe = {GOOD}", "joe is both"),
        ("[others]\n", r"unknown section \[others\]"),
        ("[devices]\nj/e = x y", "a name that cannot be one"),
        ("[devices]\njoe = short x", "joe is not a salt and a digest"),
        ("[devices]\njoe =", "joe is not a salt and a digest"),
        ("\0", "not text"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "devices"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(DeviceFileError, match=f"Invalid device file provided: '{path}': .*{reason}") as fault:
        devices.load(path)
    assert "\n" not in str(fault.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "devices"
    devices.store(path, made(joe="one"))
    path.chmod(0o640)
    with pytest.raises(DeviceFileError, match=f"others can read the device file {path}: run chmod 600"):
        devices.load(path)


def test_a_missing_file_says_how_to_come_by_one(tmp_path: Path) -> None:
    with pytest.raises(DeviceFileError, match="run aiot device add ID"):
        devices.load(tmp_path / "none")
    assert devices.load_or_none(tmp_path / "none").accounts == {}


def test_a_file_that_cannot_be_reached_is_not_one_that_is_gone(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert devices.fingerprint(loop) is not None
    with pytest.raises(DeviceFileError, match=f"the device file {loop} cannot be read: ") as fault:
        devices.load_or_none(loop)
    assert "\n" not in str(fault.value)


def test_a_symbolic_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    target = tmp_path / "real" / "devices"
    link = tmp_path / "elsewhere" / "devices"
    devices.store(target, made(joe="one"))
    link.parent.mkdir(mode=0o700)
    link.symlink_to(target)
    device.run(["add", "ann", f"--device-file={link}"])
    assert link.is_symlink()
    assert set(devices.load(target).accounts) == {"joe", "ann"} == set(devices.load(link).accounts)
    assert [each.name for each in link.parent.iterdir()] == ["devices"], "the lock is beside the target"


def test_the_folder_that_a_link_leads_to_is_looked_at_too(tmp_path: Path) -> None:
    target = tmp_path / "real" / "devices"
    devices.store(target, made(joe="one"))
    (tmp_path / "link").symlink_to(target)
    target.parent.chmod(0o777)
    with pytest.raises(DeviceFileError, match=f"others can write in the folder .*chmod 700 {target.parent}"):
        devices.load(tmp_path / "link")


def test_a_mode_that_changes_changes_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "devices"
    devices.store(path, made(joe="one"))
    before = devices.fingerprint(path)
    path.chmod(0o640)
    assert devices.fingerprint(path) != before


def test_a_change_changes_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "devices"
    assert devices.fingerprint(path) is None
    seen = set()
    for _ in range(20):
        devices.store(path, made(joe="one"))
        seen.add(devices.fingerprint(path))
    assert len(seen) == 20


def test_accounts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MAX_ACCOUNTS", 2)
    path = tmp_path / "devices"
    devices.store(path, made(joe="one", ann="two", bob="three"))
    with pytest.raises(DeviceFileError, match="more than 2 accounts"):
        devices.load(path)


def add_many(path: Path, prefix: str) -> None:
    for number in range(10):
        device.run(["add", f"{prefix}{number}", f"--device-file={path}"])


def test_commands_at_the_same_moment_lose_no_change(tmp_path: Path) -> None:
    path = tmp_path / "devices"
    several = [multiprocessing.Process(target=add_many, args=(path, prefix)) for prefix in "abcd"]
    for each in several:
        each.start()
    for each in several:
        each.join(60)
        assert each.exitcode == 0
    assert len(devices.load(path).accounts) == 40
