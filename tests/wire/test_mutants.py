# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is done to a recorded frame, it is refused for its signature, and none of its JSON is parsed before."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyaiot.broker.gateway_session import GatewaySession
from pyaiot.wire import codec, handshake
from pyaiot.wire.errors import BadSignature, HandshakeFailed
from pyaiot.wire.signing import Opener

from . import vectors
from .test_vectors import PUBLISHED, SENDER, SESSION, opener, opener_at

FRAMES: list[dict[str, Any]] = [PUBLISHED["welcome"], *PUBLISHED["frames"]]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: Of each of the six frames; 100,000 in all.
ENOUGH = 17_000

#: A receiver, and what it must refuse.
Attack = tuple[Opener, Iterable[str]]


class Spy:
    """Takes the place of everything that could parse JSON in the codec, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        for name, thing in vars(codec).items():
            if hasattr(thing, "decode") and not isinstance(thing, str | bytes | type):
                monkeypatch.setattr(codec, name, self)
        monkeypatch.setattr(codec, "_decode", self._called(codec._decode))
        monkeypatch.setattr(json, "loads", self._called(json.loads))

    def _called(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return real(*args, **kwargs)

        return call

    def decode(self, raw: bytes) -> Any:
        """In place of a msgspec decoder's."""
        self.calls += 1
        raise AssertionError("JSON was parsed")


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


def take(receiver: Opener, text: str) -> object:
    """What ``gateway_session`` and ``uplink`` do with a frame; the direction does not matter here."""
    return codec.decode_gateway_frame(receiver.open(text))


def test_the_spy_sees_a_parse(spy: Spy) -> None:
    with pytest.raises(AssertionError, match="JSON was parsed"):
        take(opener("G", 0), FRAMES[1]["text"])
    assert spy.calls == 2  # _decode, and the decoder


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["name"])
def test_no_mutant_of_a_recorded_frame_is_taken(frame: dict[str, Any], spy: Spy) -> None:
    refused = 0
    for attack in (
        flipped_bits,
        flipped_bits_of_the_signature,
        truncations_and_extensions,
        replays_and_reorderings,
        other_directions_sessions_and_keys,
        other_spellings_of_the_signature,
        signatures_of_other_frames,
        random_changes,
    ):
        of_this_kind = 0
        for receiver, mutants in attack(frame):
            for mutant in mutants:
                try:
                    take(receiver, mutant)
                except BadSignature:
                    of_this_kind += 1
                else:
                    raise AssertionError(f"{attack.__name__}: taken: {mutant!r}")
                if attack is random_changes and refused + of_this_kind >= ENOUGH:
                    break
        assert of_this_kind or attack is random_changes, attack.__name__
        refused += of_this_kind
    assert spy.calls == 0, "JSON was parsed before the signature was checked"
    assert refused >= ENOUGH


def test_the_brokers_session_ends_before_it_parses(spy: Spy) -> None:
    """The code that takes frames from the socket, with a peer in its place."""
    frame = FRAMES[2]
    ended: list[int] = []
    counters = SimpleNamespace(frames_bad=0)
    peer: Any = SimpleNamespace(
        name="192.0.2.1", _hub=SimpleNamespace(counters=counters), _finish=lambda code, _: ended.append(code)
    )
    session: Any = SimpleNamespace(gateway="greenhouse", opener=receiver_of(frame))
    mutants = [*flipped(frame["text"]), frame["text"].encode()]
    for mutant in mutants:
        GatewaySession._take_frame(peer, mutant, session)
    assert ended == [handshake.CLOSE_NOT_AUTHENTICATED] * len(mutants)
    assert counters.frames_bad == len(mutants) > 1000
    assert spy.calls == 0


def receiver_of(frame: dict[str, Any]) -> Opener:
    """Who would take the frame as it is."""
    return opener(frame["direction"], frame["n"])


def flipped(text: str) -> Iterator[str]:
    """With one bit changed of the bytes as sent."""
    raw = text.encode()
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            yield changed.decode("utf-8", "surrogateescape")


def flipped_bits(frame: dict[str, Any]) -> Iterator[Attack]:
    yield receiver_of(frame), flipped(frame["text"])


def flipped_bits_of_the_signature(frame: dict[str, Any]) -> Iterator[Attack]:
    """One bit of its 64 bytes, and with it some others."""
    signature, body = base64.urlsafe_b64decode(frame["text"][:86] + "=="), frame["text"][86:]

    def mutants() -> Iterator[str]:
        for first in range(512):
            for second in range(first, 512, 37):
                changed = int.from_bytes(signature, "big") ^ (1 << first | 1 << second)
                yield base64.urlsafe_b64encode(changed.to_bytes(64, "big")).decode()[:86] + body

    yield receiver_of(frame), mutants()


def truncations_and_extensions(frame: dict[str, Any]) -> Iterator[Attack]:
    text = frame["text"]

    def mutants() -> Iterator[str]:
        for end in range(len(text)):
            yield text[:end]  # cut off behind …
            yield text[end + 1 :]  # … before …
            yield text[:end] + text[end + 1 :]  # … or inside
            yield text[:end] + text[end] + text[end:]  # doubled
        for code in (*range(0x250), 0x2028, 0xFEFF, 0x1F600, 0xD800):
            yield text + chr(code)
            yield chr(code) + text
            yield text[:87] + chr(code) + text[87:]

    yield receiver_of(frame), mutants()


def replays_and_reorderings(frame: dict[str, Any]) -> Iterator[Attack]:
    """A frame is good as number ``n`` only, be the number near, far, or the same in another byte order."""
    n = frame["n"]
    key = vectors.KEYS[SENDER[frame["direction"]]].public
    for number in {*range(1500), *(1 << bit for bit in range(64)), n << 56, n << 32, 2**64 - 1} - {n}:
        yield opener_at(key, SESSION, frame["direction"].encode(), number), (frame["text"],)


def other_directions_sessions_and_keys(frame: dict[str, Any]) -> Iterator[Attack]:
    name, direction, n, text = SENDER[frame["direction"]], frame["direction"].encode(), frame["n"], frame["text"]
    key = vectors.KEYS[name].public
    turned = b"B" if direction == b"G" else b"G"
    yield opener_at(key, SESSION, turned, n), (text,)
    yield opener(turned.decode(), n), (text,)
    for bit in range(256):
        session = (int.from_bytes(SESSION, "big") ^ 1 << bit).to_bytes(32, "big")
        yield opener_at(key, session, direction, n), (text,)
    for other, stranger in vectors.KEYS.items():
        if other != name:
            yield opener_at(stranger.public, SESSION, direction, n), (text,)


def other_spellings_of_the_signature(frame: dict[str, Any]) -> Iterator[Attack]:
    text = frame["text"]
    signature = base64.urlsafe_b64decode(text[:86] + "==")
    last = ALPHABET.index(text[85])

    def mutants() -> Iterator[str]:
        for spare in range(1, 16):  # the four bits that no byte uses
            yield text[:85] + ALPHABET[last ^ spare] + text[86:]
        for padding in ("=", "==", "===", "\n", " =", "\r\n"):
            yield text[:86] + padding + text[86:]
        for place in range(86):
            for inserted in ("\n", " ", "=", "%", "é", "\0", "+", "/"):  # decoders skip what they do not know
                yield text[:place] + inserted + text[place:]
                yield text[:place] + inserted + text[place + 1 :]
                yield text[:place] + inserted + text[place:85] + text[86:]
        if {"-", "_"} & set(text[:86]):
            yield text[:86].replace("-", "+").replace("_", "/") + text[86:]
        for times in range(1, 16):  # S + kL says the same, as long as it has a place in 32 bytes
            s = int.from_bytes(signature[32:], "little") + times * vectors.ORDER
            if s < 2**256:
                malleated = signature[:32] + s.to_bytes(32, "little")
                yield base64.urlsafe_b64encode(malleated).decode()[:86] + text[86:]

    yield receiver_of(frame), mutants()


def signatures_of_other_frames(frame: dict[str, Any]) -> Iterator[Attack]:
    for other in FRAMES:
        if other is not frame:
            mixed = (frame["text"][:86] + other["text"][86:], other["text"][:86] + frame["text"][86:])
            yield receiver_of(frame), (*mixed, other["text"])


def random_changes(frame: dict[str, Any]) -> Iterator[Attack]:
    """Several changes at once, in the JSON and in the signature; without an end."""
    chance = random.Random(frame["text"])
    text = frame["text"]

    def mutants() -> Iterator[str]:
        while True:
            changed = list(text)
            for _ in range(chance.randint(1, 6)):
                place = chance.randrange(len(changed))
                changed[place] = chance.choice((chr(chance.randrange(32, 127)), chance.choice(changed), "", '"'))
            mutant = "".join(changed)
            if mutant != text:
                yield mutant
            yield base64.urlsafe_b64encode(chance.randbytes(64)).decode()[:86] + text[86:]

    yield receiver_of(frame), mutants()


def test_no_mutant_of_the_handshake_is_taken() -> None:
    """On its way to the other side; also of hello, which nobody signed, but auth's signature covers."""
    broker, gateway = vectors.KEYS["broker"], vectors.KEYS["gateway"]
    hello, auth, welcome = (PUBLISHED[name]["text"] for name in ("hello", "auth", "welcome"))
    authorised = {"greenhouse": gateway.public, "greenhousf": gateway.public}.get  # two names, one key

    def answer(hello: str) -> handshake.Answer:
        return handshake.answer_hello(
            hello, key=gateway, name="greenhouse", broker=broker.public, nonce=vectors.AUTH_NONCE, epoch=vectors.EPOCH
        )

    ways: list[tuple[str, Callable[[str], object]]] = [
        (hello, lambda text: handshake.accept_auth(hello, answer(text).auth, broker, authorised)),
        (auth, lambda text: handshake.accept_auth(hello, text, broker, authorised)),
        (welcome, lambda text: handshake.read_welcome(answered, text)),
    ]
    answered = answer(hello)
    for text, way in ways:
        for mutant in flipped(text):
            with pytest.raises(HandshakeFailed):
                way(mutant)
    handshake.accept_auth(hello, auth, broker, authorised)  # what is not changed is taken
    assert handshake.read_welcome(answered, welcome).ack == 0
