# SPDX-License-Identifier: BSD-3-Clause
"""Makes the published test vectors of the gateway link: ``python -m tests.wire.vectors`` rewrites the file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pyaiot.wire import codec, handshake
from pyaiot.wire.messages import BrokerFrame, New, Refused, Seen, Sync, Update, Write
from pyaiot.wire.signing import PrivateKey, Sealer, join_frame, split_frame, to_base64url

FILE = Path(__file__).parent.parent / "vectors" / "gateway_link.json"

SEEDS = {
    "broker": bytes(range(32)),
    "gateway": bytes(range(32, 64)),
    "other gateway": bytes(range(64, 96)),
    "other broker": bytes(range(96, 128)),
}
KEYS = {name: PrivateKey(seed) for name, seed in SEEDS.items()}
NAME = "greenhouse"
EPOCH = "00112233445566ff"
HELLO_NONCE = bytes(range(128, 160))
AUTH_NONCE = bytes(range(160, 192))
ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's base point: L in RFC 8032
AT = 1_700_000_000_000

Vector = dict[str, Any]


def first_messages() -> list[bytes]:
    """A node that registers, and its first values."""
    return [
        codec.encode(New(uid="node-1", protocol="coap", at=AT)),
        codec.encode(Update(uid="node-1", resource="temperature", data="23.4°C", value=23.4, unit="Cel", at=AT + 1)),
        codec.encode(Update(uid="node-1", resource="led", data="0", value=0, at=AT + 2)),
        codec.encode(Update(uid="node-1", resource="imu/0", data='[{"x": 1}]', value=[{"x": 1, "y": -0.5}], at=AT + 3)),
        codec.encode(Sync(uids=["node-1"])),
    ]


class Recorder:
    """Seals the frames of one direction, and keeps what was signed."""

    def __init__(self, key: PrivateKey, session: bytes, direction: bytes) -> None:
        self._sealer = Sealer(key, session, direction)  # type: ignore[arg-type]
        self._prefix = b"pyaiot-frame-v1\x00" + session + direction
        self._direction = direction.decode()
        self._n = 0

    def seal(self, name: str, body: bytes) -> Vector:
        """The next frame as a vector."""
        text = self._sealer.seal(body)
        vector = {
            "name": name,
            "direction": self._direction,
            "n": self._n,
            "json": body.decode(),
            "signed": (self._prefix + self._n.to_bytes(8, "big") + body).hex(),
            "text": text,
        }
        self._n += 1
        return vector


def signed_by(key: PrivateKey, context: bytes, body: bytes) -> str:
    """A text message whose signature covers ``context`` and ``body``."""
    return join_frame(key.sign(context + body), body)


def with_signature(text: str, signature: bytes) -> str:
    """``text`` with another signature."""
    return join_frame(signature, split_frame(text)[1])


def build() -> Vector:
    """All vectors, from fixed keys and nonces."""
    broker, gateway = KEYS["broker"], KEYS["gateway"]
    hello = handshake.make_hello(broker.public, HELLO_NONCE)
    answer = handshake.answer_hello(hello, key=gateway, name=NAME, broker=broker.public, nonce=AUTH_NONCE, epoch=EPOCH)
    agreed = handshake.accept_auth(hello, answer.auth, broker, {NAME: gateway.public}.get)
    auth_body = split_frame(answer.auth)[1]
    session = hashlib.sha256(hello.encode() + auth_body).digest()
    from_broker = Recorder(broker, session, b"B")
    from_gateway = Recorder(gateway, session, b"G")
    welcome = from_broker.seal("welcome", b'{"type":"welcome","ack":0}')
    assert welcome["text"] == handshake.make_welcome(agreed, 0)
    frames = [
        from_gateway.seal("several messages", codec.encode_gateway_frame(1, first_messages())),
        from_gateway.seal(
            "one message more", codec.encode_gateway_frame(6, [codec.encode(Seen(uid="node-1", at=AT + 10_000))])
        ),
        from_broker.seal("an acknowledgement", codec.encode(BrokerFrame(ack=6))),
        from_broker.seal(
            "a write",
            codec.encode(BrokerFrame(messages=[Write(id=7, uid="node-1", resource="led", data="1", ttl_ms=10_000)])),
        ),
        from_broker.seal(
            "an acknowledgement and a refusal",
            codec.encode(BrokerFrame(ack=7, messages=[Refused(uid="node-9", reason="the node is not known")])),
        ),
    ]
    able = handshake.answer_hello(
        hello,
        key=gateway,
        name=NAME,
        broker=broker.public,
        nonce=AUTH_NONCE,
        epoch=EPOCH,
        features=("read", "what-nobody-knows-yet"),
    )
    able_body = split_frame(able.auth)[1]
    return {
        "protocol": "pyaiot.gw.1",
        "keys": {
            name: {"seed": key.seed.hex(), "public_hex": key.public.raw.hex(), "public": str(key.public)}
            for name, key in KEYS.items()
        },
        "gateway": NAME,
        "epoch": EPOCH,
        "hello_nonce": HELLO_NONCE.hex(),
        "auth_nonce": AUTH_NONCE.hex(),
        "session": session.hex(),
        "hello": {"text": hello},
        "auth": {
            "json": auth_body.decode(),
            "signed": (b"pyaiot-auth-v1\x00" + hello.encode() + auth_body).hex(),
            "text": answer.auth,
        },
        "auth_with_features": {
            "json": able_body.decode(),
            "signed": (b"pyaiot-auth-v1\x00" + hello.encode() + able_body).hex(),
            "text": able.auth,
            "session": hashlib.sha256(hello.encode() + able_body).hexdigest(),
        },
        "welcome": welcome,
        "frames": frames,
        "refused_frames": list(refused_frames(session, frames)),
        "refused_handshakes": list(refused_handshakes(hello, auth_body, session)),
    }


def refused_frames(session: bytes, frames: list[Vector]) -> list[Vector]:
    """Frames that the receiver, expecting number ``n`` of ``direction`` in this session, must refuse."""
    gateway = KEYS["gateway"]
    first, second, acknowledgement = frames[0]["text"], frames[1]["text"], frames[2]["text"]
    body = split_frame(first)[1]
    signature = split_frame(first)[0]
    context = b"pyaiot-frame-v1\x00" + session

    def bad_signature(name: str, text: str, why: str, direction: str = "G", n: int = 0) -> Vector:
        return {"name": name, "direction": direction, "n": n, "text": text, "error": "signature", "why": why}

    def malformed(name: str, json_text: str, why: str, direction: str = "G") -> Vector:
        key = gateway if direction == "G" else KEYS["broker"]
        signed = context + direction.encode() + bytes(8)
        return {
            "name": name,
            "direction": direction,
            "n": 0,
            "text": signed_by(key, signed, json_text.encode()),
            "signed": (signed + json_text.encode()).hex(),
            "error": "malformed",
            "why": why,
        }

    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    malleated = signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(first[85])
    non_canonical = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1]
    update = '{"type":"update","uid":"a","endpoint":"b","data":%s,"value":0,"at":1}'

    def frame(data: str) -> str:
        return '{"first":1,"messages":[%s]}' % (update % data)

    return [
        bad_signature("replay", first, "frame 0 once more, where frame 1 is expected", n=1),
        bad_signature("out of order", second, "frame 1 where frame 0 is expected"),
        bad_signature("a frame lost", second, "frame 1 where frame 2 is expected", n=2),
        bad_signature("other direction", acknowledgement, "a frame of the broker sent back to it", n=1),
        bad_signature("other direction, gateway", first, "a frame of the gateway sent back to it", "B"),
        bad_signature(
            "other session",
            signed_by(gateway, b"pyaiot-frame-v1\x00" + bytes(32) + b"G" + bytes(8), body),
            "signed for the session of 32 zero bytes",
        ),
        bad_signature(
            "other gateway",
            signed_by(KEYS["other gateway"], context + b"G" + bytes(8), body),
            "signed with another gateway's key",
        ),
        bad_signature(
            "other context",
            signed_by(gateway, b"pyaiot-auth-v1\x00" + session + b"G" + bytes(8), body),
            "signed with the context of auth",
        ),
        bad_signature("signature flipped", with_signature(first, flipped), "one bit of the signature"),
        bad_signature("json flipped", first.replace("23.4°C", "23.5°C"), "one bit of the JSON"),
        bad_signature("blank added", first + " ", "what is signed are the bytes as sent"),
        bad_signature("blank inside", first.replace(",", ", ", 1), "what is signed are the bytes as sent"),
        bad_signature("truncated", first[:-1], "the last byte is missing"),
        bad_signature("malleated", with_signature(first, malleated), "S + L is no S (RFC 8032 section 5.1.7)"),
        bad_signature(
            "not canonical",
            first[:85] + non_canonical + first[86:],
            "the same 64 bytes, but base64's unused bits are not 0",
        ),
        bad_signature("padded", first[:86] + "==" + first[86:], "base64url is without padding"),
        bad_signature(
            "standard alphabet",
            with_plus(gateway, context, body),
            "base64url has - and _, not + and /",
        ),
        bad_signature("no signature", body.decode(), "plain JSON"),
        bad_signature("no blank", first[:86] + first[87:], "exactly one blank after 86 characters"),
        bad_signature("two blanks", first[:86] + " " + first[86:], "exactly one blank after 86 characters"),
        bad_signature("tab", first[:86] + "\t" + first[87:], "exactly one blank after 86 characters"),
        bad_signature("empty", "", "nothing at all"),
        bad_signature("only a signature", first[:86], "no blank and no JSON"),
        malformed("signed nothing", "", "signed properly, but there is no JSON"),
        malformed("key twice", '{"first":1,"first":1,"messages":[]}', "a key stands twice"),
        malformed("key twice, escaped", frame('{"a":1,"\\u0061":2}'), 'a key stands twice: "a" and "\\u0061"'),
        malformed("key twice, unknown", '{"first":1,"messages":[],"x":{"y":1,"y":1}}', "a key stands twice"),
        malformed("not a number", frame("NaN"), "NaN is not JSON"),
        malformed("infinite", frame("1e999"), "not a finite number"),
        malformed("integer too large", frame(str(2**53)), "2^53"),
        malformed("too deep", frame("[" * 13 + "]" * 13), "data nests at most 12 deep"),
        malformed("lone surrogate", frame('"\\ud83d"'), "half of a character"),
        malformed("unknown type", '{"first":1,"messages":[{"type":"erase","uid":"a","at":1}]}', "no such message"),
        malformed("field missing", '{"first":1,"messages":[{"type":"seen","uid":"a"}]}', "at is missing"),
        malformed("id 0", '{"first":0,"messages":[]}', "ids count from 1"),
        malformed("an array", "[]", "an object is expected"),
        malformed("more behind", '{"first":1,"messages":[]}{}', "one object is expected"),
        malformed("ack not an integer", '{"ack":1.0}', "an integer is expected", "B"),
        malformed(
            "ttl missing", '{"messages":[{"type":"write","id":1,"uid":"a","endpoint":"b","data":1}]}', "ttl", "B"
        ),
    ]


def with_plus(key: PrivateKey, context: bytes, body: bytes) -> str:
    """A valid frame 0, spelled in the standard alphabet where that differs."""
    text = signed_by(key, context + b"G" + bytes(8), body)
    while not {"-", "_"} & set(text[:86]):
        body += b" "
        text = signed_by(key, context + b"G" + bytes(8), body)
    return text[:86].replace("-", "+").replace("_", "/") + text[86:]


def refused_handshakes(hello: str, auth: bytes, session: bytes) -> list[Vector]:
    """Messages of the handshake that must be refused: by the broker after ``hello``, by the gateway."""
    broker, gateway = KEYS["broker"], KEYS["gateway"]
    other = KEYS["other broker"]
    context = b"pyaiot-auth-v1\x00" + hello.encode()
    other_hello = handshake.make_hello(broker.public, bytes(32))
    fields = json.loads(auth)

    def changed(**changes: object) -> bytes:
        return codec.encode({**fields, **changes})

    def signed(name: str, body: bytes, why: str, *, key: PrivateKey = gateway, over: bytes = context) -> Vector:
        return {"name": name, "message": "auth", "text": signed_by(key, over, body), "why": why}

    def welcome(name: str, key: PrivateKey, context: bytes, why: str) -> Vector:
        text = signed_by(key, context, b'{"type":"welcome","ack":0}')
        return {"name": name, "message": "welcome", "text": text, "why": why}

    start = b"pyaiot-frame-v1\x00"
    return [
        signed(
            "auth of another session",
            auth,
            "signed over another hello",
            over=b"pyaiot-auth-v1\x00" + other_hello.encode(),
        ),
        signed("auth by another key", auth, "not the key that is authorized by this name", key=KEYS["other gateway"]),
        signed("auth without its context", auth, "signed without the context", over=hello.encode()),
        signed("unknown name", changed(gateway="shed"), "no such gateway is authorized"),
        signed("impossible name", changed(gateway="../shed"), "no gateway can have that name"),
        signed(
            "for another broker",
            changed(broker=str(other.public)),
            "auth names another broker than the one that reads it",
        ),
        signed("short nonce", changed(nonce=to_base64url(bytes(31))), "a nonce has 32 bytes"),
        signed("padded nonce", changed(nonce=to_base64url(AUTH_NONCE) + "="), "base64url is without padding"),
        signed("epoch in capitals", changed(epoch=EPOCH.upper()), "16 hex digits, 0-9 a-f"),
        signed("too long", changed(x="x" * 4096), "more than 4096 bytes"),
        {"name": "unsigned auth", "message": "auth", "text": auth.decode(), "why": "no signature"},
        {
            "name": "hello of another broker",
            "message": "hello",
            "text": handshake.make_hello(other.public, HELLO_NONCE),
            "why": "not the broker that the gateway trusts",
        },
        {
            "name": "hello with a short nonce",
            "message": "hello",
            "text": codec.encode({"type": "hello", "broker": str(broker.public), "nonce": "AA"}).decode(),
            "why": "a nonce has 32 bytes",
        },
        {
            "name": "hello with a key twice",
            "message": "hello",
            "text": hello.replace('"nonce"', '"type":"hello","nonce"'),
            "why": "a key stands twice",
        },
        welcome("welcome of another broker", other, start + session + b"B" + bytes(8), "not the broker's signature"),
        welcome(
            "welcome of another session", broker, start + bytes(32) + b"B" + bytes(8), "signed for another session"
        ),
        welcome("welcome as frame 1", broker, start + session + b"B" + bytes(7) + b"\x01", "welcome is frame 0"),
        welcome("welcome of the gateway", gateway, start + session + b"G" + bytes(8), "the gateway's own direction"),
    ]


def render() -> str:
    """The text of the published file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
    print(f"{FILE} written")
