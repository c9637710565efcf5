# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-generate-keys``: what it makes, what it refuses, and that no private key ever leaves the file."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pyaiot import keys
from pyaiot.cli import credentials, generate_keys
from pyaiot.keys import KeyFileError, Keys
from pyaiot.options import ConfigurationError
from pyaiot.wire.signing import PrivateKey, PublicKey, to_base64url
from tests.patience import PATIENCE_S

COMMAND = Path(sys.executable).parent / "aiot-generate-keys"
KEY = PrivateKey(bytes(range(32))).public


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pyaiot" / "keys"


class Command:
    """Runs the command in this process; whatever it says is searched for private keys."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self.path = path
        self._capsys = capsys
        self._caplog = caplog
        self.stderr = ""

    def __call__(self, *arguments: str) -> list[str]:
        """The lines on stdout."""
        before = private_parts(self.path)
        try:
            assert generate_keys.run([f"--key-file={self.path}", *arguments]) == 0
        finally:
            said = self._capsys.readouterr()
            self.stderr = said.err
            for secret in before | private_parts(self.path):
                assert secret not in said.out + said.err + self._caplog.text
        return said.out.splitlines()


def private_parts(path: Path) -> set[str]:
    """Every spelling of every private key in the file."""
    if not path.exists():
        return set()
    stored = keys.load(path)
    held = [*stored.gateways.values(), *([stored.broker] if stored.broker else [])]
    return {spelled for key in held for spelled in (key.seed.hex(), to_base64url(key.seed), repr(key.seed)[2:-1])}


@pytest.fixture
def command(path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Command:
    caplog.set_level(logging.DEBUG)
    return Command(path, capsys, caplog)


def key_that_begins_with(start: str) -> PublicKey:
    """Some public key whose text begins so; one in 64 begins with ``-``."""
    for number in range(200_000):
        public = PrivateKey(number.to_bytes(32, "big")).public
        if str(public).startswith(start):
            return public
    raise AssertionError(start)


def test_the_keys_of_a_host(command: Command, path: Path) -> None:
    lines = command()
    stored = keys.load(path)
    assert stored.broker is not None
    assert set(stored.gateways) == {"coap", "http", "mqtt", "ws"}
    assert len({key.seed for key in (*stored.gateways.values(), stored.broker)}) == 5  # each its own
    assert stored.authorized == {name: key.public for name, key in stored.gateways.items()}
    assert stored.trusted_broker == stored.broker.public
    assert stored.clients == {}
    assert lines[0] == "Key generation done:"
    assert f"broker      {stored.broker.public}" in lines
    assert f"gateway     {stored.gateways['coap'].public}  coap" in lines
    assert str(path) in lines[-1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_keys_are_never_overwritten_but_by_force(command: Command, path: Path) -> None:
    command()
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match=r"exists already.*say --force"):
        command()
    assert path.read_bytes() == before
    command("--force")
    assert path.read_bytes() != before
    path.write_bytes(b"not a key file at all")
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="exists already"):
        generate_keys.run([f"--key-file={path}"])
    assert path.read_bytes() == b"not a key file at all"
    assert generate_keys.run([f"--key-file={path}", "--force"]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_remote_gateway_comes_and_goes(
    command: Command, path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    command()
    there = Command(tmp_path / "there" / "keys", capsys, caplog)
    lines = there("--gateway", "greenhouse")
    remote = keys.load(there.path)
    assert remote.broker is None
    assert lines == [str(remote.gateways["greenhouse"].public)]  # nothing but the key, so that it can be piped
    assert f"aiot-generate-keys --authorize greenhouse {lines[0]}" in there.stderr
    assert f"aiot-generate-keys --key-file {there.path} --trust-broker" in there.stderr

    command("--authorize", "greenhouse", lines[0])
    stored = keys.load(path)
    assert stored.authorized["greenhouse"] == remote.gateways["greenhouse"].public
    assert set(stored.gateways) == {"coap", "http", "mqtt", "ws"}
    assert f"authorized  {lines[0]}  greenhouse" in command("--list")

    assert stored.broker is not None
    there("--trust-broker", str(stored.broker.public))
    name, _, trusted = keys.load(there.path).gateway("", "coap")
    assert (name, trusted) == ("greenhouse", stored.broker.public)
    there("--gateway", "shed")
    assert "--trust-broker" not in there.stderr

    command("--revoke", "greenhouse")
    assert "greenhouse" not in keys.load(path).authorized
    assert "coap" in keys.load(path).authorized
    with pytest.raises(KeyFileError, match="no gateway 'greenhouse' is authorized; --list"):
        command("--revoke", "greenhouse")


def test_a_gateways_key_is_replaced_only_by_force(command: Command, path: Path) -> None:
    [first] = command("--gateway", "greenhouse")
    with pytest.raises(KeyFileError, match="has a key already; say --force"):
        command("--gateway", "greenhouse")
    assert str(keys.load(path).gateways["greenhouse"].public) == first
    [second] = command("--gateway", "greenhouse", "--force")
    assert second != first
    assert str(keys.load(path).gateways["greenhouse"].public) == second


@pytest.mark.parametrize("name", ["name", "private", "title", "a:b.c-d_e", "x" * 64])
def test_any_name_will_do(command: Command, path: Path, name: str) -> None:
    command()
    command("--gateway", name)
    command("--authorize", name, str(KEY))
    command("--client", name)
    stored = keys.load(path)
    assert stored.authorized[name] == KEY
    assert {name} == set(stored.clients)
    assert name in stored.gateways


@pytest.mark.parametrize("start", ["-", "--", "_"])
def test_keys_that_look_like_options(command: Command, path: Path, start: str) -> None:
    command()
    key = key_that_begins_with(start)
    command("--authorize", "greenhouse", str(key))
    command("--trust-broker", str(key))
    command(f"--trust-broker={key}")
    stored = keys.load(path)
    assert stored.authorized["greenhouse"] == stored.trusted_broker == key


def test_an_option_as_long_as_a_key_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = Path("/tmp") / f"aiot-{os.getpid()}"
    option = f"--key-file={link}/"
    option += "k" * (43 - len(option))
    assert len(option) == 43
    link.symlink_to(tmp_path)
    try:
        generate_keys.run([option])
    finally:
        link.unlink()
    assert "Key generation done:" in capsys.readouterr().out
    (made,) = (each for each in tmp_path.iterdir() if each.suffix != ".lock")
    assert set(made.name) == {"k"}


def test_tokens_of_clients(command: Command, path: Path) -> None:
    command()
    [viewer] = command("--client", "wall")
    [operator] = command("--client", "alice", "--role", "operator")
    assert viewer != operator
    assert len(viewer) >= 43
    stored = keys.load(path)
    assert stored.clients["wall"].role == "viewer"
    assert stored.clients["alice"] == keys.ClientToken("operator", keys.token_digest(operator))
    assert operator not in path.read_text()
    listed = command("--list")
    assert any("operator" in line and line.endswith("alice") for line in listed)
    assert operator not in "\n".join(listed)
    with pytest.raises(KeyFileError, match="has a token already; --revoke-client alice"):
        command("--client", "alice")
    command("--revoke-client", "alice")
    assert set(keys.load(path).clients) == {"wall"}
    with pytest.raises(KeyFileError, match="no client 'alice' has a token"):
        command("--revoke-client", "alice")


def test_the_list_has_every_public_key(command: Command, path: Path) -> None:
    command()
    stored = keys.load(path)
    assert stored.broker is not None
    listed = "\n".join(command("--list"))
    for public in (stored.broker.public, *stored.authorized.values()):
        assert str(public) in listed
    keys.store(path, Keys())
    assert command("--list") == ["broker      no key here"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--gateway", "a b"], "a name has 1 to 64"),
        (["--gateway", ""], "a name has 1 to 64"),
        (["--gateway", "peer"], "no gateway may be called peer"),
        (["--authorize", "peer", str(KEY)], "no gateway may be called peer"),
        (["--client", ""], "a name has 1 to 64"),
        (["--revoke", ""], "no gateway '' is authorized"),
        (["--revoke-client", ""], "no client '' has"),
        (["--trust-broker", ""], "that is not a public key"),
        (["--authorize", "a/b", str(KEY)], "a name has 1 to 64"),
        (["--authorize", "a", str(KEY)[:-1]], "that is not a public key"),
        (["--authorize", "a", str(KEY) + "="], "that is not a public key"),
        (["--authorize", "a"], "expected 2 arguments"),
        (["--authorize", str(KEY)], "expected 2 arguments"),
        (["--trust-broker", "\ud800"], "that is not a public key"),
        (["--client", "a", "--role", "root"], "invalid choice"),
        (["--list", "--gateway", "a"], "not allowed with"),
        (["--gate", "a"], "unrecognized arguments"),
        (["surplus"], "unrecognized arguments"),
    ],
)
def test_mistakes_change_nothing(command: Command, path: Path, arguments: list[str], why: str) -> None:
    command()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=why):
        command(*arguments)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["--list"], ["--authorize", "a", str(KEY)], ["--client", "a"], ["--revoke", "a"]]
)
def test_what_needs_a_file_says_so(command: Command, path: Path, arguments: list[str]) -> None:
    with pytest.raises(KeyFileError, match=r"doesn't exist.*run aiot-generate-keys"):
        command(*arguments)
    assert not path.exists()


def test_a_file_that_others_can_read_is_not_used(command: Command, path: Path) -> None:
    command()
    path.chmod(0o644)
    for arguments in (["--list"], ["--gateway", "a"], ["--trust-broker", str(KEY)], ["--authorize", "a", str(KEY)]):
        with pytest.raises(KeyFileError, match="others can read"):
            generate_keys.run([f"--key-file={path}", *arguments])


# The real command


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **environment},
    )


def test_the_command_as_it_is_installed(tmp_path: Path) -> None:
    made = run(home=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    path = tmp_path / ".pyaiot" / "keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.stdout.startswith("Key generation done:\n")
    for secret in private_parts(path):
        assert secret not in made.stdout
    listed = run("--list", home=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout in made.stdout

    again = run(home=tmp_path)
    assert again.returncode == 78
    assert again.stdout == ""
    assert again.stderr.startswith("aiot-generate-keys: ")
    assert again.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--list"],
        ["--gateway", "a\nb"],
        ["--what\x1b[31m\n"],
        ["--authorize", "a", "\x85\u2028"],
        ["--key-file", "/dev/null/x"],
    ],
    ids=repr,
)
def test_a_mistake_is_one_line_and_exit_code_78(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.endswith("\n")
    assert done.stderr[:-1].isprintable()
    assert done.stderr.startswith("aiot-generate-keys: ")


def test_a_private_key_in_the_wrong_place_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    secret = to_base64url(bytes(range(32)))
    for text in (f"private: {secret}\n", f"[broker]\nprivate {secret}\n", f"[broker]\n= {secret}\n"):
        path.write_text(text)
        path.chmod(0o600)
        done = run(f"--key-file={path}", "--list", home=tmp_path)
        assert done.returncode == 78
        assert secret[:20] not in done.stdout + done.stderr


def test_help_reads_well(tmp_path: Path) -> None:
    shown = run("--help", home=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in ("--gateway", "--authorize", "--revoke", "--trust-broker", "--client", "--role", "--list", "--force"):
        assert option in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    assert not (tmp_path / ".pyaiot").exists()


def test_of_changes_at_the_same_moment_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    generate_keys.run(["--key-file", str(path)])
    command = [str(COMMAND), "--key-file", str(path), "--client"]
    running = [subprocess.Popen([*command, f"c{number}"], stdout=subprocess.DEVNULL) for number in range(8)]
    assert [each.wait(timeout=60) for each in running] == [0] * 8
    assert set(keys.load(path).clients) == {f"c{number}" for number in range(8)}


def test_a_gateway_that_is_newer_than_the_key_file_gets_a_key_unless_it_was_revoked(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    made = generate_keys.make_all(path, force=False)
    assert generate_keys.add_missing(path) == []
    for name in ("http", "ws"):
        del made.gateways[name], made.authorized[name]
    del made.authorized["mqtt"]  # revoked
    keys.store(path, made)
    assert generate_keys.add_missing(path) == ["http", "ws"]
    stored = keys.load(path)
    assert stored.gateways["http"].public == stored.authorized["http"]
    assert "mqtt" not in stored.authorized
    assert stored.gateways["coap"].public == made.gateways["coap"].public


def test_a_host_without_a_broker_gets_no_keys_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    generate_keys.run(["--key-file", str(path), "--gateway", "greenhouse"])
    assert generate_keys.add_missing(path) == []
    assert set(keys.load(path).gateways) == {"greenhouse"}


def test_who_was_started_by_systemd_goes_by_a_copy_which_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "SYSTEM_SETTINGS", tmp_path)
    theirs, other = tmp_path / "keys", tmp_path / "home" / "keys"
    for path in (theirs, other):
        generate_keys.run([f"--key-file={path}"])
    capsys.readouterr()
    generate_keys.run([f"--key-file={theirs}", "--revoke", "coap"])
    assert "systemctl restart aiot-broker" in capsys.readouterr().err
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    generate_keys.run([f"--key-file={other}", "--revoke", "coap"])
    assert f"read another: {theirs}" in capsys.readouterr().err
    own = tmp_path / "aiot-coap-gateway" / "keys"
    own.parent.mkdir()
    generate_keys.run([f"--key-file={own}", "--gateway", "greenhouse"])
    assert "systemctl restart aiot-coap-gateway" in capsys.readouterr().err


@pytest.fixture
def own(path: Path) -> dict[str, Path]:
    """The key files of gateways that have one of their own; the WebSocket gateway has none."""
    files = {name: path.parent / f"aiot-{name}-gateway" / "keys" for name in ("coap", "http", "mqtt")}
    for file in files.values():
        file.parent.mkdir(mode=0o700, parents=True)
    return files


def test_gateways_with_a_folder_have_their_keys_there_and_no_others(
    command: Command, path: Path, own: dict[str, Path]
) -> None:
    command()
    broker = keys.load(path)
    assert broker.broker is not None
    assert (set(broker.gateways), set(broker.authorized)) == ({"ws"}, {"coap", "http", "mqtt", "ws"})
    for name, file in own.items():
        stored = keys.load(file)
        assert (stored.broker, stored.clients, set(stored.gateways)) == (None, {}, {name})
        assert stored.trusted_broker == broker.broker.public
        assert stored.gateways[name].public == broker.authorized[name]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len([line for line in command("--list") if line.startswith("gateway ")]) == 4
    with pytest.raises(KeyFileError, match="exists already"):
        command()
    path.unlink()
    with pytest.raises(KeyFileError, match=r"aiot-coap-gateway/keys exists already"):
        command()


def test_what_concerns_gateways_goes_to_their_own_files(command: Command, path: Path, own: dict[str, Path]) -> None:
    """As on a host that has gateways alone."""
    (key,) = command("--gateway", "greenhouse-coap")
    assert str(keys.load(own["coap"]).gateways["greenhouse-coap"].public) == key
    with pytest.raises(KeyFileError, match=r"say whose greenhouse is, by --key-file \(.*aiot-coap-gateway/keys"):
        command("--gateway", "greenhouse")
    command("--trust-broker", str(KEY))
    assert {keys.load(file).trusted_broker for file in own.values()} == {KEY}
    assert not path.exists()
    assert any(key in line for line in command("--list"))


def test_keys_that_were_in_one_file_are_handed_out_and_then_taken_out_of_it(
    command: Command, path: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyFileError, match="aiot install-units makes them"):
        command("--split")
    command()
    command("--gateway", "greenhouse")
    before = keys.load(path)
    folder = path.parent / "aiot-coap-gateway"
    folder.mkdir()
    command("--if-missing")
    shared, coap = keys.load(path), keys.load(folder / "keys")
    assert shared.gateways.keys() == before.gateways.keys()
    # A name that tells no protocol may be any gateway's.
    assert (coap.broker, set(coap.gateways)) == (None, {"coap", "greenhouse"})
    assert "coap, greenhouse" in command("--split")[0]
    assert set(keys.load(path).gateways) == {"http", "mqtt", "ws"}
    assert keys.load(path).authorized == before.authorized
    assert "no gateway's key" in command("--split")[0]
