# SPDX-License-Identifier: BSD-3-Clause
"""``aiot device``: what it prints, what it refuses, and that a password is seen once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyaiot import devices
from pyaiot.cli import device, run
from pyaiot.devices import DeviceFileError
from pyaiot.gateway.device_tokens import owner_file
from pyaiot.gateway.device_tokens.owner_file import OwnerFileError
from pyaiot.options import ConfigurationError
from tests.patience import PATIENCE_S

COMMAND = Path(sys.executable).parent / "aiot"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pyaiot" / "devices"


@pytest.fixture(autouse=True)
def owners(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The owners file, for this process and for those that it starts."""
    owners = path.with_name("device-owners")
    monkeypatch.setenv("AIOT_DEVICE_OWNERS", str(owners))
    return owners


def command(path: Path, *arguments: str) -> None:
    assert device.run([*arguments, f"--device-file={path}"]) == 0


def test_a_device_gets_a_password_that_is_shown_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(path, "add", "joe")
    said = capsys.readouterr()
    user, password = said.out.splitlines()
    assert user == "user      joe"
    assert "only time" in said.err
    secret = password.removeprefix("password  ")
    assert devices.load(path).verify("joe", secret.encode()) == "device"
    assert secret not in path.read_text()
    command(path, "list")
    assert capsys.readouterr().out == "device    joe\n"


def test_a_gateway_gets_its_rights(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(path, "add", "greenhouse", "--gateway")
    secret = capsys.readouterr().out.split()[-1]
    command(path, "add", "joe")
    capsys.readouterr()
    assert devices.load(path).verify("greenhouse", secret.encode()) == "gateway"
    command(path, "list")
    assert capsys.readouterr().out == "device    joe\ngateway   greenhouse\n"


@pytest.mark.parametrize("again", ["--again", "--force"])
def test_a_second_password_replaces_the_first_only_when_asked(
    path: Path, capsys: pytest.CaptureFixture[str], again: str
) -> None:
    command(path, "add", "joe")
    first = capsys.readouterr().out.split()[-1]
    with pytest.raises(DeviceFileError, match="joe has a password already; say --again"):
        command(path, "add", "joe")
    assert devices.load(path).verify("joe", first.encode())
    command(path, "add", "joe", again)
    second = capsys.readouterr().out.split()[-1]
    known = devices.load(path)
    assert (known.verify("joe", first.encode()), known.verify("joe", second.encode())) == (None, "device")


def test_a_password_that_cannot_be_shown_changes_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also by the real command, on a full disk and without a standard output: one line, and no traceback."""

    def add(name: str, redirection: str, *options: str) -> None:
        line = f"exec {COMMAND} device add {name} --device-file={path} {' '.join(options)} {redirection}"
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 78
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith(("aiot: the password of ", "aiot: standard output is closed"))

    add("joe", "> /dev/full")
    add("joe", ">&-")
    assert devices.load_or_none(path).accounts == {}
    command(path, "add", "joe")
    secret = capsys.readouterr().out.split()[-1]
    add("joe", "> /dev/full", "--again")
    assert devices.load(path).verify("joe", secret.encode()) == "device", "the old one stays good"


def test_who_is_removed_is_gone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(path, "add", "joe")
    command(path, "remove", "joe")
    assert "The password of device joe is no longer good." in capsys.readouterr().out
    assert devices.load(path).accounts == {}
    with pytest.raises(DeviceFileError, match="no device 'joe' has a password; aiot device list"):
        command(path, "remove", "joe")


def test_nobody_has_a_password_yet(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(path, "list")
    assert capsys.readouterr().out == "No device has a password yet: aiot device add ID\n"
    assert not path.exists()


def test_an_id_that_a_token_has_proved_is_listed_and_released(
    path: Path, owners: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(path, "add", "lamp")
    owner_file.store(owners, {"joe": "acc-1", "jim": None})
    capsys.readouterr()
    command(path, "list")
    assert capsys.readouterr().out == "device    lamp\ntoken     jim\ntoken     joe  of acc-1\n"
    for name, account in (("joe", "the account acc-1"), ("jim", "a token without an account")):
        assert run(["device", "release", name, f"--device-owners={owners}"]) == 0
        assert capsys.readouterr().out == (
            f"The id {name} was that of {account}; now it is had by the account that proves it next.\n"
        )
    assert owner_file.load(owners) == {}
    with pytest.raises(OwnerFileError, match=r"no token has proved the id 'joe'; aiot device list"):
        device.run(["release", "joe"])
    owners.unlink()
    with pytest.raises(OwnerFileError, match="no token has proved an id yet"):
        device.run(["release", "joe"])
    assert not owners.exists()


@pytest.mark.parametrize("name", ["", "a/b", "a b", "+", "#", "x" * 65, "jo\n"])
def test_a_name_that_cannot_be_one_is_refused(path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 64 of the characters"):
        command(path, "add", name)


@pytest.mark.parametrize("arguments", [[], ["add"], ["shout"], ["add", "joe", "--nonsense"], ["list", "joe"]])
def test_a_command_that_is_none_is_refused_in_one_line(arguments: list[str]) -> None:
    with pytest.raises(ConfigurationError) as fault:
        device.run(arguments)
    assert "\n" not in str(fault.value)


def test_the_verb_is_wired(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["device", "list", "--device-file", str(path)]) == 0
    assert "aiot device add ID" in capsys.readouterr().out


def test_the_command_itself(path: Path) -> None:
    environment = {**os.environ, "AIOT_DEVICE_FILE": str(path)}

    def aiot(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "device", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=environment,
            check=False,
        )

    assert aiot("add", "joe").returncode == 0
    again = aiot("add", "joe")
    assert (again.returncode, again.stdout) == (78, "")
    assert again.stderr.count("\n") == 1
    assert aiot("list").stdout == "device    joe\n"
    path.chmod(0o644)
    unsafe = aiot("list")
    assert unsafe.returncode == 78
    assert unsafe.stderr == f"aiot: others can read the device file {path}: run chmod 600 {path}\n"
