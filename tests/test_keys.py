# SPDX-License-Identifier: BSD-3-Clause
"""The key file: what is one, who may read it, and that it is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot import keys
from pyaiot.keys import ClientToken, KeyFileError, Keys, new_private_key
from pyaiot.wire.signing import PrivateKey, to_base64url

from .wire import fuzz

SEEDS = [bytes([number]) * 32 for number in range(1, 7)]
PRIVATE = [PrivateKey(seed) for seed in SEEDS]


def some_keys() -> Keys:
    return Keys(
        broker=PRIVATE[0],
        gateways={"coap": PRIVATE[1], "green-house:1": PRIVATE[2]},
        trusted_broker=PRIVATE[0].public,
        authorized={"coap": PRIVATE[1].public, "name": PRIVATE[3].public, "Coap": PRIVATE[4].public},
        clients={
            "alice": ClientToken("operator", keys.token_digest("secret")),
            "name": ClientToken("viewer", SEEDS[5]),
        },
    )


def seeds(found: Keys) -> tuple[object, ...]:
    """Everything in it, comparable: private keys have no equality, on purpose."""
    return (
        found.broker and found.broker.seed,
        {name: key.seed for name, key in found.gateways.items()},
        found.trusted_broker,
        found.authorized,
        found.clients,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "there" / "keys"


# The text

names = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True) | st.sampled_from(
    ["name", "title", "entries", "private"]
)
any_key = st.sampled_from(PRIVATE)


@given(
    st.builds(
        Keys,
        broker=st.none() | any_key,
        gateways=st.dictionaries(names, any_key, max_size=4),
        trusted_broker=st.none() | any_key.map(lambda key: key.public),
        authorized=st.dictionaries(names, any_key.map(lambda key: key.public), max_size=4),
        clients=st.dictionaries(
            names, st.builds(ClientToken, st.sampled_from(keys.ROLES), st.binary(min_size=32, max_size=32)), max_size=4
        ),
    )
)
@settings(deadline=None)
def test_any_keys_come_back_as_they_were(written: Keys) -> None:
    assert seeds(keys.parse(keys.render(written))) == seeds(written)


def test_the_sections_are_those_of_the_documentation() -> None:
    text = keys.render(some_keys())
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[broker]",
        "[gateway coap]",
        "[gateway green-house:1]",
        "[trusted broker]",
        "[authorized gateways]",
        "[clients]",
    ]
    assert keys.parse("# nothing but a remark\n") == Keys()


GOOD = to_base64url(SEEDS[0])
BAD: dict[str, tuple[str, str]] = {
    "no section": (f"private = {GOOD}\n", "line 1 is before the first"),
    "a colon": (f"[broker]\nprivate: {GOOD}\n", "line 2 is neither"),
    "no name": (f"[broker]\n= {GOOD}\n", "line 2 is neither"),
    "no value": ("[broker]\nprivate\n", "line 2 is neither"),
    "a section twice": (
        f"[broker]\nprivate = {GOOD}\n[broker]\nprivate = {GOOD}\n",
        "line 3 says something for the second",
    ),
    "an entry twice": (f"[broker]\nprivate = {GOOD}\nprivate = {GOOD}\n", "line 3 says something for the second"),
    "an unknown section": ("[brokers]\nx = y\n", r"unknown section \[brokers\]"),
    "an unknown entry": (f"[broker]\nprivate = {GOOD}\npublic = {GOOD}\n", "one entry, 'private'"),
    "a short key": (f"[broker]\nprivate = {GOOD[:-1]}\n", "is not a key"),
    "a padded key": (f"[broker]\nprivate = {GOOD}=\n", "is not a key"),
    "another spelling of a key": (f"[broker]\nprivate = {GOOD[:-1]}F\n", "is not a key"),
    "a key in two lines": (f"[broker]\nprivate = {GOOD[:20]}\n  {GOOD[20:]}\n", "is not a key"),
    "no point of the curve": (f"[trusted broker]\npublic = {to_base64url(bytes([2]) + bytes(31))}\n", "is not a key"),
    "not ASCII": ("[broker]\nprivate = é\n", "is not a key"),
    "a gateway that cannot be": (f"[gateway a b]\nprivate = {GOOD}\n", "unknown section"),
    "no gateway": (f"[gateway ]\nprivate = {GOOD}\n", "unknown section"),
    "a name that cannot be": (f"[authorized gateways]\na b = {PRIVATE[0].public}\n", "name that cannot be one"),
    "a gateway with the name of programs": (
        f"[gateway peer]\nprivate = {GOOD}\n",
        "no gateway may be called 'peer'.*name",
    ),
    "the name of programs authorized": (
        f"[authorized gateways]\npeer = {PRIVATE[0].public}\n",
        "no gateway may be called 'peer'.*name",
    ),
    "no role": (f"[clients]\nalice = {GOOD}\n", "alice is not a key"),
    "no such role": (f"[clients]\nalice = root {GOOD}\n", "alice is not a key"),
    "the old key file": ("[keys]\nsecret = abc\nprivate = def\n", "old pyaiot.*aiot-generate-keys --force"),
    "interpolation": ("[broker]\nprivate = %(x)s\n", "is not a key"),
    "defaults for all sections": (f"[DEFAULT]\nprivate = {GOOD}\n[broker]\n", "unknown section"),
    "defaults by a trick": (f"[\0]\nprivate = {GOOD}\n[broker]\n", "not text"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_key_file_is_refused_without_telling_secrets(name: str) -> None:
    text, why = BAD[name]
    with pytest.raises(KeyFileError, match=why) as refused:
        keys.parse(text)
    told = str(refused.value)
    assert GOOD[:12] not in told
    assert GOOD[-12:] not in told
    assert told.isprintable()
    assert refused.value.__cause__ is None  # nor in a traceback
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_broken_key_files_are_key_file_errors_and_nothing_else() -> None:
    chance = Random("key files")
    full = keys.render(some_keys())
    documents = [
        full.encode(),
        full.partition("[authorized")[0].encode(),
        keys.render(Keys(broker=PRIVATE[0])).encode(),
    ]
    documents += [text.encode() for text, _ in BAD.values()]
    documents += [line.encode() + b"\n" for line in full.splitlines() if line] * 2
    taken = 0
    for raw in fuzz.broken(chance, documents, 200_000):
        text = raw.decode("utf-8", "surrogateescape")
        try:
            found = keys.parse(text)
        except KeyFileError:
            continue
        taken += 1
        assert taken % 10 or seeds(keys.parse(keys.render(found))) == seeds(found), raw
    assert 100 < taken < 100_000


def test_names_keep_their_case() -> None:
    found = keys.parse(keys.render(some_keys()))
    assert found.authorized["Coap"] != found.authorized["coap"]


# The file


def test_a_stored_file_is_only_for_its_owner(path: Path) -> None:
    before = os.umask(0)
    try:
        keys.store(path, some_keys())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert seeds(keys.load(path)) == seeds(some_keys())


def test_storing_again_keeps_the_file_private_and_leaves_nothing_else(path: Path) -> None:
    keys.store(path, some_keys())
    first = keys.fingerprint(path)
    keys.store(path, Keys(broker=PRIVATE[5]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys"]
    assert keys.fingerprint(path) != first
    assert keys.load(path).gateways == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_file_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    keys.store(path, some_keys())
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"others can read the key file {path}: run chmod 600 {path}"):
        keys.load(path)
    path.chmod(0o400)
    assert keys.load(path).broker is not None


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_store_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    keys.store(path, some_keys())

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(KeyFileError, match="cannot be written: No space left"):
        keys.store(path, Keys())
    assert seeds(keys.load(path)) == seeds(some_keys())
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


def test_nobody_ever_sees_half_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is complete, synced and private before it has its name."""
    keys.store(path, some_keys())
    synced: list[int] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        synced.append(descriptor)
        real_sync(descriptor)

    def replace(source: str, target: Path) -> None:
        assert synced
        assert stat.S_IMODE(os.stat(source).st_mode) == 0o600
        assert keys.load(source).broker is not None
        assert seeds(keys.load(target)) == seeds(some_keys())
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    keys.store(path, Keys(broker=PRIVATE[5]))
    assert len(synced) == 1


def test_what_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "keys"
    with pytest.raises(KeyFileError, match=r"Key file provided doesn't exist: .*: run aiot-generate-keys"):
        keys.load(missing)
    with pytest.raises(KeyFileError, match=r"cannot be read: Is a directory|others can read"):
        keys.load(tmp_path)
    with pytest.raises(KeyFileError, match="doesn't exist"):
        keys.load("~nobody-has-this-name/keys")
    missing.write_bytes(b"[broker]\nprivate = \xff\n")
    missing.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"Invalid key file provided: '.*': not text"):
        keys.load(missing)
    missing.write_bytes(b"#" * (keys.MAX_FILE_BYTES + 1))
    with pytest.raises(KeyFileError, match=r"Invalid key file provided: '.*': too large"):
        keys.load(missing)
    missing.write_text("[broker]\nprivate: x\n")
    with pytest.raises(KeyFileError, match=r"Invalid key file provided: '.*': line 2 is neither"):
        keys.load(missing)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot be written"):
        keys.store(tmp_path / "file" / "keys", Keys())
    with pytest.raises(KeyFileError, match="cannot be written"):
        keys.store(tmp_path / ("x" * 300), Keys())
    assert keys.fingerprint(tmp_path / "none") is None
    assert keys.fingerprint(tmp_path / ("x" * 5000)) is not None, "it cannot be known whether it is there"


def test_home_is_spelled_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    keys.store("~/.pyaiot/keys", some_keys())
    assert keys.fingerprint("~/.pyaiot/keys") == keys.fingerprint(tmp_path / ".pyaiot" / "keys") is not None
    assert keys.load("~/.pyaiot/keys").broker is not None


# What is in it


def test_which_key_a_gateway_has() -> None:
    found = some_keys()
    assert found.gateway("", "coap") == ("coap", PRIVATE[1], PRIVATE[0].public)
    assert found.gateway("green-house:1", "coap")[0] == "green-house:1"
    only = Keys(gateways={"greenhouse": PRIVATE[2]}, trusted_broker=PRIVATE[0].public)
    assert only.gateway("", "coap")[0] == "greenhouse"
    with pytest.raises(
        KeyFileError, match=r"no key for a gateway 'mqtt'; it has coap, green-house:1 \(say --gateway-name\)"
    ):
        found.gateway("", "mqtt")
    with pytest.raises(KeyFileError, match="no key for a gateway 'coap': run aiot-generate-keys --gateway coap"):
        Keys().gateway("", "coap")
    only.trusted_broker = None
    with pytest.raises(KeyFileError, match="aiot-generate-keys --trust-broker KEY"):
        only.gateway("", "coap")


def test_keys_are_fresh_and_never_shown() -> None:
    fresh = [new_private_key() for _ in range(50)]
    assert len({key.seed for key in fresh}) == 50
    shown = repr(some_keys()) + str(some_keys())
    for seed in SEEDS[:5]:
        assert to_base64url(seed) not in shown
        assert seed.hex() not in shown
        assert repr(seed)[2:-1] not in shown


def test_a_token_is_kept_as_its_hash() -> None:
    assert "secret" not in keys.render(some_keys())
    assert keys.token_digest("secret") != keys.token_digest("Secret")
    assert len(keys.token_digest("\ud800")) == 32


def test_a_folder_that_others_can_write_in_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(KeyFileError, match="chmod 700"):
        keys.store(folder / "keys", Keys())
    folder.chmod(0o700)
    keys.store(folder / "keys", Keys())
    folder.chmod(0o770)
    with pytest.raises(KeyFileError, match="chmod 700"):
        keys.load(folder / "keys")


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys", 0o600)
    with pytest.raises(KeyFileError, match="ordinary"):
        keys.load(tmp_path / "keys")
