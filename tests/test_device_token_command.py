# SPDX-License-Identifier: BSD-3-Clause
"""``aiot device-token``: a key pair once, tokens that the gateway takes, and none that it would not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from pyaiot.cli import device_token, run
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.device_tokens.tokens import MAX_ACCOUNT, BadToken, Grant, verify
from pyaiot.options import ConfigurationError
from tests.gateway.device_tokens.issuer import Issuer

COMMAND = Path(sys.executable).parent / "aiot"


class Place(NamedTuple):
    """Where a gateway's public keys are, and the private one."""

    keys: Path
    private: Path

    @property
    def public(self) -> Path:
        return self.keys / "device-token.pem"

    def flags(self) -> list[str]:
        return [f"--device-keys={self.keys}", f"--private-key={self.private}"]

    def grant(self, token: str, device: str = "joe", *, after_s: float = 0.0, audience: str = "") -> Grant:
        """What a gateway with that folder makes of the token."""
        keys = TokenKeys(self.keys)
        keys.load()
        return verify(token, device, keys.keys, time.time() + after_s, audience)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / ".pyaiot" / "device-keys", tmp_path / ".pyaiot" / "device-token.key")


@pytest.fixture
def make(place: Place, capsys: pytest.CaptureFixture[str]) -> Make:
    return Make(place, capsys)


class Make:
    """Runs the command; gives the token, keeps what else was said."""

    def __init__(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        self._place = place
        self._capsys = capsys
        self.said = ""

    def __call__(self, *arguments: str) -> str:
        assert device_token.run([*arguments, *self._place.flags()]) == 0
        out, self.said = self._capsys.readouterr()
        (token,) = out.splitlines()
        return token


def test_the_first_token_makes_a_key_pair_and_the_gateway_takes_it(place: Place, make: Make) -> None:
    token = make("joe", "--account", "acc-1", "--days", "30")
    assert "key pair was made" in make.said
    assert "is the device joe, until " in make.said
    grant = place.grant(token)
    assert (grant.device, grant.account) == ("joe", "acc-1")
    assert grant.expires_at == pytest.approx(time.time() + 30 * 86_400, abs=60)
    assert place.private.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.keys.iterdir()] == ["device-token.pem"]
    assert "PRIVATE" not in place.public.read_text()
    with pytest.raises(BadToken, match="another device"):
        place.grant(token, "jim")
    with pytest.raises(BadToken, match="expired"):
        place.grant(token, after_s=30 * 86_400 + 1)


def test_later_tokens_are_of_the_same_key(place: Place, make: Make) -> None:
    tokens = [make("joe"), make("jim")]
    assert "key pair" not in make.said
    assert [place.grant(token, name).device for token, name in zip(tokens, ("joe", "jim"), strict=True)] == [
        "joe",
        "jim",
    ]
    assert place.grant(tokens[0]).account is None


def test_an_audience_is_in_the_token(place: Place, make: Make) -> None:
    assert place.grant(make("joe", "--audience", "here"), audience="here").device == "joe"
    with pytest.raises(BadToken, match="audience"):
        place.grant(make("joe"), audience="here")


def test_a_new_key_ends_all_earlier_tokens(place: Place, make: Make) -> None:
    earlier = make("joe")
    later = make("joe", "--new-key")
    with pytest.raises(BadToken):
        place.grant(earlier)
    place.grant(later)


def test_a_platforms_key_beside_it_is_left_alone(place: Place, make: Make) -> None:
    platform = Issuer("RS256")
    place.keys.mkdir(parents=True, mode=0o700)
    (place.keys / "public.pem").write_bytes(platform.pem)
    place.grant(make("joe", "--new-key"))
    assert (place.keys / "public.pem").read_bytes() == platform.pem


@pytest.mark.parametrize("public", [None, b"x", Issuer("ES256").pem], ids=["gone", "broken", "another's"])
def test_no_token_is_made_that_would_not_be_taken(place: Place, make: Make, public: bytes | None) -> None:
    make("joe")
    if public is None:
        place.public.unlink()
    else:
        place.public.write_bytes(public)
    with pytest.raises(ConfigurationError, match=r"is not the public key of .*--new-key"):
        make("joe")
    place.grant(make("joe", "--new-key"))


@pytest.mark.parametrize(
    "content", [b"", b"x", Issuer("RS256").private_pem, b"\xff"], ids=["empty", "x", "RSA", "no text"]
)
def test_a_private_key_that_is_none_is_refused_and_kept(place: Place, make: Make, content: bytes) -> None:
    make("joe")
    place.private.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"Invalid private key provided: .*device-token\.key"):
        make("joe")
    assert place.private.read_bytes() == content


def test_a_private_key_that_others_can_read_is_refused(place: Place, make: Make) -> None:
    make("joe")
    place.private.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"others can read the private key .*chmod 600"):
        make("joe")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["j o"], "an id has 1 to 64"),
        ([""], "an id has 1 to 64"),
        (["x" * 65], "an id has 1 to 64"),
        (["joe", "--days", "0"], "--days: from 1 to 3650"),
        (["joe", "--days", "3651"], "--days: from 1 to 3650"),
        (["joe", "--days", "x"], "--days"),
        (["joe", "--account", "a\n"], "--account: at most 128 printable"),
        (["joe", "--audience", "x" * (MAX_ACCOUNT + 1)], "--audience: at most 128 printable"),
        ([], "ID"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(place: Place, arguments: list[str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        device_token.run([*arguments, *place.flags()])
    assert not place.private.exists()


def test_the_longest_names_still_make_a_token_that_is_taken(place: Place, make: Make) -> None:
    token = make("x" * 64, "--account", "ü" * MAX_ACCOUNT, "--audience", "ä" * MAX_ACCOUNT)
    assert place.grant(token, "x" * 64, audience="ä" * MAX_ACCOUNT).account == "ü" * MAX_ACCOUNT


def test_it_is_a_verb_of_aiot_and_says_nothing_but_the_token_on_standard_output(place: Place, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["device-token", "--help"])
    assert ended.value.code == 0
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([COMMAND, "device-token", "joe"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert place.grant(done.stdout.removesuffix("\n")).device == "joe"
    place.private.write_text("x")
    done = subprocess.run([COMMAND, "device-token", "joe"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (78, "")
    assert len(done.stderr.splitlines()) == 1
