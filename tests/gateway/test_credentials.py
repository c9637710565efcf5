# SPDX-License-Identifier: BSD-3-Clause
"""The device file while it is in use: what a change of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyaiot import devices
from pyaiot.devices import Credential, DeviceFileError, Devices
from pyaiot.gateway.credentials import Credentials

A, B = (Credential.of("device", key) for key in (b"a", b"b"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a device file may be."""
    (tmp_path / "private").mkdir(mode=0o700)
    return tmp_path / "private" / "devices"


def loaded(file: Path, **accounts: Credential) -> Credentials:
    devices.store(file, Devices(accounts))
    credentials = Credentials(str(file))
    credentials.load()
    return credentials


def test_without_a_file_no_id_is_guarded(file: Path) -> None:
    for path in ("", str(file)):
        credentials = Credentials(path)
        credentials.load()
        assert credentials.refresh() == frozenset()
        assert (len(credentials), credentials.guards("joe"), credentials.verify("joe", b"a")) == (0, False, None)


def test_a_change_names_the_ids_whose_key_is_another(file: Path) -> None:
    credentials = loaded(file, kept=A, renewed=A, removed=A)
    assert credentials.refresh() == frozenset()
    devices.store(file, Devices({"kept": A, "renewed": B, "added": B}))
    assert credentials.refresh() == {"renewed", "removed", "added"}
    assert credentials.refresh() == frozenset()
    assert (credentials.verify("renewed", b"b"), credentials.verify("renewed", b"a")) == ("device", None)
    assert [credentials.guards(uid) for uid in ("kept", "removed", "added")] == [True, False, True]


def test_a_file_that_cannot_be_read_any_more_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    credentials = loaded(file, joe=A)
    for spoil in (lambda: file.write_text("nonsense"), lambda: file.chmod(0o644)):
        spoil()
        for _ in range(3):
            assert credentials.refresh() == frozenset()
        assert credentials.verify("joe", b"a") == "device"
    assert len(caplog.records) == 2, "once for each change of the file or its rights"
    with pytest.raises(DeviceFileError):
        Credentials(str(file)).load()


def test_a_file_that_is_gone_has_no_keys_but_its_ids_stay_guarded(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    credentials = loaded(file, joe=A)
    file.unlink()
    assert credentials.refresh() == {"joe"}
    assert credentials.refresh() == frozenset()
    assert (credentials.verify("joe", b"a"), credentials.guards("joe")) == (None, True)
    assert caplog.text.count("is gone") == 1
    devices.store(file, Devices())
    assert credentials.refresh() == frozenset()
    assert not credentials.guards("joe")
    devices.store(file, Devices({"joe": B}))
    assert credentials.refresh() == {"joe"}
    assert credentials.verify("joe", b"b") == "device"
