# SPDX-License-Identifier: BSD-3-Clause
"""``aiot backup`` and ``aiot restore`` as they are called, on hosts that are folders."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from pyaiot import devices, keys
from pyaiot.backup import encryption, places
from pyaiot.backup.archive import pack
from pyaiot.backup.collecting import collect
from pyaiot.backup.contents import Backup, Kept
from pyaiot.backup.layout import Layout
from pyaiot.backup.places import find_places, written
from pyaiot.backup.plan import make_plan
from pyaiot.backup.restoring import Restoration
from pyaiot.cli import backup, device, device_token, generate_keys, restore
from pyaiot.cli.generate_keys import make_all
from pyaiot.gateway.device_tokens import owner_file, owners
from pyaiot.options import ConfigurationError
from pyaiot.settings import ALL_SETTINGS

#: Options that name files which no backup needs: what was logged, and a build of the page.
NOT_KEPT = {"log_file_prefix", "static_path"}


class Pi:
    """A host, whose home is a folder; :meth:`be` makes it the one that commands run on."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.settings = home / ".pyaiot"
        self._monkeypatch = monkeypatch
        home.mkdir()

    def be(self) -> Pi:
        self._monkeypatch.setenv("HOME", str(self.home))
        self._monkeypatch.chdir(self.home)
        return self

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """What is in its folder, but locks."""
        return {
            str(path.relative_to(self.settings)): (path.stat().st_mode & 0o777, path.read_bytes())
            for path in self.settings.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pi:
    """A host that has everything."""
    for name in [name for name in os.environ if name.startswith("AIOT_")]:
        monkeypatch.delenv(name)
    pi = Pi(tmp_path / "old", monkeypatch).be()
    make_all(pi.settings / "keys", force=False)
    device.run(["add", "joe"])
    device_token.run(["hut"])
    owner_file.store(pi.settings / "device-owners", {"hut": "acc"})
    (pi.home / "map.toml").write_text("# a map\n")
    (pi.settings / "pyaiot.toml").write_text('title = "Pi"\nactuation-map = "~/map.toml"  # mine\n')
    (pi.settings / "environment").write_text(
        f"# mine\nAIOT_CONFIG={pi.settings}/pyaiot.toml\nAIOT_KEY_FILE=~/.pyaiot/keys\nLD_PRELOAD =/tmp/evil.so\n"
    )
    return pi


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: Pi) -> Pi:
    """A host that has nothing."""
    return Pi(tmp_path / "new", monkeypatch)


def test_every_option_that_names_a_file_says_whether_it_is_kept() -> None:
    """So does a new one: see ``keeps`` in options.option."""
    for settings in ALL_SETTINGS:
        for each in fields(settings):
            if {"FILE", "FOLDER"} & set((each.metadata["metavar"] or "").split("|")):
                assert bool(each.metadata["keeps"]) != (each.name in NOT_KEPT), each.name


def test_a_new_host_has_it_all_under_its_own_home(old: Pi, new: Pi, capsys: pytest.CaptureFixture[str]) -> None:
    assert backup.run(["../a.tar.gz"]) == 0
    assert Path("../a.tar.gz").stat().st_mode & 0o777 == 0o600
    new.be()
    assert restore.run(["../a.tar.gz"]) == 0
    said = capsys.readouterr().out
    assert "LD_PRELOAD was left out" in said
    before, after = old.tree(), new.tree()
    (mode, _), (mode_after, adapted) = before.pop("environment"), after.pop("environment")
    assert mode == mode_after
    assert adapted.decode().splitlines() == [
        "# mine",
        f'AIOT_CONFIG="{new.settings}/pyaiot.toml"',
        "AIOT_KEY_FILE=~/.pyaiot/keys",
        "# left out by aiot restore: LD_PRELOAD =/tmp/evil.so",
    ]
    config = f'title = "Pi"\nactuation-map = "{new.settings}/map.toml"  # mine\n'
    assert after.pop("pyaiot.toml")[1].decode() == config
    assert after.pop("map.toml")[1] == b"# a map\n"
    del before["pyaiot.toml"]
    assert before == after
    assert len(after) == 5
    assert restore.run(["../a.tar.gz"]) == 0
    assert "restored" not in capsys.readouterr().out


def test_what_differs_is_only_replaced_by_force_and_kept_beside(
    old: Pi, new: Pi, capsys: pytest.CaptureFixture[str]
) -> None:
    backup.run(["../a.tar.gz"])
    new.be()
    make_all(new.settings / "keys", force=False)
    before = new.tree()
    with pytest.raises(ConfigurationError, match=r"nothing was changed.*keys; --force") as caught:
        restore.run(["../a.tar.gz"])
    assert "\n" not in str(caught.value)
    assert new.tree() == before
    assert restore.run(["../a.tar.gz", "--force"]) == 0
    kept = [name for name in new.tree() if "before-restore" in name]
    assert [name.partition(".")[0] for name in kept] == ["keys"]
    assert new.tree()[kept[0]] == before["keys"]
    assert kept[0] in capsys.readouterr().out


def test_for_systemd_each_unit_has_its_own(old: Pi, new: Pi, tmp_path: Path) -> None:
    """A user's ~/.pyaiot becomes /etc/pyaiot and folders of state; what units say themselves nobody says besides."""
    backup.run(["../a.tar.gz"])
    etc, state = tmp_path / "etc" / "pyaiot", tmp_path / "state"
    new.be()
    etc.mkdir(parents=True)
    (etc / "environment").write_text("# AIOT_TITLE=\n")
    (etc / "devices").write_text("")  # as aiot install-units leaves them
    (state / "aiot-ws-gateway").mkdir(parents=True, mode=0o700)
    if os.getuid() == 0:
        os.chown(state / "aiot-ws-gateway", 61_234, 61_234)  # as systemd makes it
    layout = Layout(str(etc), str(new.home), str(state))
    places = find_places(layout, {}, "", lenient=True)
    backup_ = restore.unpack(Path("../a.tar.gz").read_bytes())
    plan = make_plan(backup_.files, places, layout, {}, os.path.expanduser)
    assert {restore.look(step) for step in plan.steps} == {"new"}
    Restoration("now").carry_out(plan.steps, differing=frozenset(), public=str(etc))
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {name: mode for name, mode in modes.items() if name.startswith(("etc/", "state/", "new/."))} == {
        "etc/pyaiot": 0o755,
        **{f"etc/pyaiot/{name}": 0o644 for name in ("environment", "pyaiot.toml", "map.toml")},
        **{f"etc/pyaiot/{name}": 0o600 for name in ("keys", "devices")},
        "etc/pyaiot/device-keys": 0o755,
        "etc/pyaiot/device-keys/device-token.pem": 0o644,
        "new/.pyaiot": 0o700,
        "new/.pyaiot/device-token.key": 0o600,
        **{f"state/aiot-{name}-gateway": 0o700 for name in ("http", "ws")},
        **{f"state/aiot-{name}-gateway/device-owners": 0o600 for name in ("http", "ws")},
    }
    assert "# left out by aiot restore: AIOT_KEY_FILE" in (etc / "environment").read_text()
    assert devices.load(etc / "devices").accounts.keys() == {"joe"}
    kept_by = (state / "aiot-ws-gateway" / "device-owners").stat().st_uid
    assert kept_by == (state / "aiot-ws-gateway").stat().st_uid
    again, missing = collect([*find_places(layout, written(layout), str(etc / "pyaiot.toml"))])
    assert missing == []
    # All but the config file, which is asked for by itself.
    assert {kept.path for kept in again} == {step.path for step in plan.steps if step.role != "config"}


def test_owners_that_two_units_kept_become_one_file(new: Pi) -> None:
    new.be()
    two = [
        Kept("device_owners", (f"aiot-{name}-gateway",), f"/var/lib/x/{name}/device-owners", 0o600, text.encode())
        for name, text in (("ws", owners.render({"a": "1", "b": "ws"})), ("http", owners.render({"b": "http"})))
    ]
    Path("b").write_bytes(pack(Backup("0", "pi", "2026-11-21T22:50:35Z", tuple(two))))
    assert restore.run(["b"]) == 0
    assert owner_file.load(new.settings / "device-owners") == {"a": "1", "b": "ws"}


def test_one_file_of_two_options_stays_one_where_it_is_so(old: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("logo", "favicon", "camera_url"):
        monkeypatch.setenv(f"AIOT_{name.upper()}", "http://a/b" if name == "camera_url" else str(old.home / "pi.png"))
    (old.home / "pi.png").write_bytes(b"\x89PNG")
    backup.run(["../a.tar.gz"])
    (old.home / "pi.png").unlink()
    assert restore.run(["../a.tar.gz"]) == 0
    assert (old.home / "pi.png").read_bytes() == b"\x89PNG"


def test_where_gateways_have_keys_of_their_own_each_gets_its_part_and_back(old: Pi, new: Pi) -> None:
    backup.run(["shared"])
    whole = keys.load(old.settings / "keys")
    new.be()
    own = {name: new.settings / f"aiot-{name}-gateway" / "keys" for name in ("coap", "http", "mqtt", "ws")}
    for file in own.values():
        file.parent.mkdir(mode=0o700, parents=True)
    restore.run([str(old.home / "shared")])
    assert keys.load(new.settings / "keys").gateways == {}
    for name, file in own.items():
        assert (keys.load(file).broker, set(keys.load(file).gateways)) == (None, {name})
    backup.run(["apart"])
    other = Pi(new.home.with_name("other"), new._monkeypatch).be()
    restore.run([str(new.home / "apart")])
    assert keys.render(keys.load(other.settings / "keys")) == keys.render(whole)


def test_gateways_alone_are_a_whole_backup(old: Pi, new: Pi) -> None:
    new.be()
    for name in ("coap", "http", "mqtt", "ws"):
        (new.settings / f"aiot-{name}-gateway").mkdir(mode=0o700, parents=True)
    keys.FILE.write(new.settings / "aiot-http-gateway" / "keys", "")
    generate_keys.run([f"--key-file={new.settings}/keys", "--gateway", "coap"])
    assert backup.run(["gateways"]) == 0


@pytest.mark.parametrize("at", range(1, 12, 2))
def test_if_one_file_cannot_be_put_there_none_is(
    at: int, old: Pi, new: Pi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backup.run(["../a.tar.gz"])
    new.be()
    new.settings.mkdir(mode=0o700)
    (new.settings / "device-owners").write_text("other")
    before = new.tree()
    rename, calls = os.rename, iter(range(1, 100))

    def full(source: str, target: str) -> None:
        if next(calls) == at:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device; nothing was changed"):
        restore.run(["../a.tar.gz", "--force"])
    assert new.tree() == before
    assert sorted(path.name for path in new.settings.iterdir()) == ["device-owners"]


def test_a_backup_says_where_nothing(old: Pi, new: Pi) -> None:
    """Neither a role that nobody knows nor a path that leads elsewhere decides what is written."""
    new.be()
    for role, path, why in (
        ("authorized_keys", "/root/.ssh/authorized_keys", "does not know"),
        ("device_keys", "/x/keys", "bad name"),
    ):
        file = Kept(role, (), path, 0o600, b"x")
        Path("bad").write_bytes(pack(Backup("0", "pi", "2026-11-21T22:50:35Z", (file,))))
        with pytest.raises(ConfigurationError, match=f"{why}.*nothing was changed"):
            restore.run(["bad"])
    logo = Kept("logo", ("aiot-dashboard",), "/etc/cron.d/evil", 0o777, b"x")
    environment = Kept("environment", (), "/x/environment", 0o644, b"AIOT_LOGO=/etc/cron.d/evil\n")
    Path("bad").write_bytes(pack(Backup("0", "pi", "2026-11-21T22:50:35Z", (environment, logo))))
    assert restore.run(["bad"]) == 0
    assert new.tree()["evil"] == (0o644, b"x")
    assert new.tree()["environment"][1].decode() == f'AIOT_LOGO="{new.settings}/evil"\n'


def test_with_a_passphrase(
    old: Pi, new: Pi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(encryption, "LOG2_N", 4)  # cheap
    Path("pass").write_text("correct horse\n")
    assert backup.run(["../e", "--passphrase-file", "pass"]) == 0
    assert restore.run(["../e", "--list", "--passphrase-file", "pass"]) == 0
    listed = capsys.readouterr().out
    assert f"{old.settings}/keys" in listed
    assert max(map(len, listed.splitlines())) < 120 + len(str(old.settings))
    backup.run(["../clear"])
    with pytest.raises(ConfigurationError, match="is not encrypted"):
        restore.run(["../clear", "--passphrase-file", "pass"])
    Path("pass").write_text("wrong horse")
    with pytest.raises(ConfigurationError, match="the passphrase is wrong"):
        restore.run(["../e", "--passphrase-file", "pass"])
    Path("pass").write_text("short")
    with pytest.raises(ConfigurationError, match="8 to 1,024 characters"):
        backup.run(["../f", "--passphrase-file", "pass"])


def test_what_is_missing_is_said(old: Pi, new: Pi, capsys: pytest.CaptureFixture[str]) -> None:
    (old.home / "map.toml").unlink()
    assert backup.run(["../a.tar.gz"]) == backup.EXIT_INCOMPLETE
    assert "not there, so not in it" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="is there already"):
        backup.run(["../a.tar.gz"])
    os.mkfifo("../fifo")
    with pytest.raises(ConfigurationError, match="is no ordinary file"):
        backup.run(["../fifo", "--force"])
    keys_text = (old.settings / "keys").read_text()
    (old.settings / "keys").unlink()
    assert backup.run(["../b.tar.gz"]) == backup.EXIT_INCOMPLETE
    assert "keys (key_file)" in capsys.readouterr().err
    # A gateway's own keys are there, those of the broker not where they were said to be.
    (old.settings / "aiot-coap-gateway").mkdir()
    (old.settings / "aiot-coap-gateway" / "keys").write_text(keys_text)
    (old.settings / "environment").write_text("")
    (old.settings / "aiot-broker.environment").write_text("AIOT_KEY_FILE=/mnt/away/keys\n")
    assert backup.run(["../c.tar.gz"]) == backup.EXIT_INCOMPLETE
    assert "not there, so not in it: /mnt/away/keys (key_file)" in capsys.readouterr().err
    new.be()
    with pytest.raises(ConfigurationError, match="nothing to keep was found"):
        backup.run([])
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        restore.run(["nothing"])


@pytest.mark.skipif(os.getuid() != 0, reason="links of other users concern root")
def test_root_follows_no_link_to_another_users_file(old: Pi) -> None:
    """As a service can make one in the folder of its state."""
    owners_file = old.settings / "device-owners"
    backup.run(["../a.tar.gz"])
    (old.home / "roots").write_text("private\n")
    owners_file.unlink()
    owners_file.symlink_to(old.home / "roots")
    os.chown(old.settings, 61_234, 61_234)
    for command in (lambda: backup.run(["../b.tar.gz"]), lambda: restore.run(["../a.tar.gz", "--force"])):
        with pytest.raises(ConfigurationError, match="another user's: root does not follow it"):
            command()
    assert (old.home / "roots").read_text() == "private\n"
    (old.home / "link").symlink_to(old.settings)
    os.chown(old.home, 61_234, 61_234)
    os.chown(old.settings, 0, 0)
    with pytest.raises(ConfigurationError, match="/link is a link to"):
        restore.run(["../a.tar.gz", "--force", "--settings", str(old.home / "link")])
    os.chown(old.settings, 61_234, 61_234)
    os.chown(old.home / "roots", 61_234, 61_234)
    assert restore.run(["../a.tar.gz", "--force"]) == 0
    assert owners_file.is_symlink()
    assert owner_file.load(old.home / "roots") == {"hut": "acc"}


def test_what_one_service_alone_has_stays_its_own(old: Pi, new: Pi) -> None:
    """Its environment file, and the files that this names, beside what all others share."""
    for name in ("page", "own"):
        (old.home / name).mkdir()
        (old.home / name / "tls.pem").write_text(name)
    (old.settings / "environment").write_text(f"AIOT_TLS_CERT={old.home}/page/tls.pem\n")
    (old.settings / "aiot-broker.environment").write_text(
        f"AIOT_METRICS_PORT=9101\nAIOT_TLS_CERT={old.home}/own/tls.pem\nLD_PRELOAD=/tmp/evil.so\n"
    )
    assert backup.run(["../a.tar.gz"]) == 0
    assert restore.run(["../a.tar.gz", "--force"]) == 0
    assert {(old.home / name / "tls.pem").read_text() for name in ("page", "own")} == {"page", "own"}
    new.be()
    assert restore.run(["../a.tar.gz"]) == 0
    port, cert, left_out = (new.settings / "aiot-broker.environment").read_text().splitlines()
    assert (port, left_out) == ("AIOT_METRICS_PORT=9101", "# left out by aiot restore: LD_PRELOAD=/tmp/evil.so")
    shared = (new.settings / "environment").read_text().strip()
    named = [Path(line.removeprefix('AIOT_TLS_CERT="').removesuffix('"')).read_text() for line in (cert, shared)]
    assert named == ["own", "page"]


def test_what_was_added_to_units_is_in_no_backup_which_says_so(
    old: Pi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    added = tmp_path / "aiot-broker.service.d" / "override.conf"
    added.parent.mkdir()
    added.touch()
    monkeypatch.setattr(places, "SYSTEM_UNITS", str(tmp_path))
    backup.run(["../a.tar.gz", "--system", "--settings", str(old.settings)])
    assert f"not in it, nor what it names: {added}" in capsys.readouterr().err
    assert backup.run(["../b.tar.gz"]) == 0
    assert "not in it" not in capsys.readouterr().err
