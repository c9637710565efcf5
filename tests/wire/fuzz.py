# SPDX-License-Identifier: BSD-3-Clause
"""Inputs for decoders: documents that are nearly right, written in every way JSON can be, and then broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

#: What breaks parsers.
TOKENS = (
    *(b'"', b'":', b'" :', b'"\t:', b":", b",", b"{", b"}", b"[", b"]", b"{}", b"[]", b'""', b"\\", b"\\u0061", b'\\"'),
    *(b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xef\xbb\xbf", b"\x00", b"\x1f"),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"-", b"0", b"-0", b"01", b"1.", b".5", b"1e999"),
    *(b"1.0", b"9007199254740991", b"9007199254740992", b"-9007199254740992", b"1" * 30, b"9" * 4400, b"1e-400"),
    *(b" ", b"\n", b"\r", b"\t", b"\x0b", b"\xc2\xa0", b"[" * 40, b"]" * 40, b'{"a":' * 20, b'"type":', b'"a":1,"a":2'),
    *(b"'", b"#", b"=", b"\n[", b"]\n", b"%", b"$", b";", b"x" * 300, "é".encode(), "😀".encode(), b"/*", b"//"),
)


def broken(chance: Random, documents: Sequence[bytes], number: int) -> Iterator[bytes]:
    """``number`` documents with some bytes changed, cut, doubled, or replaced by what breaks parsers."""
    pick, below = chance.choice, chance.random
    for _ in range(number):
        raw = pick(documents)
        for _ in range(1 + int(below() * 3)):
            start = int(below() * (len(raw) + 1))
            end = start + int(below() * below() * 12)
            kind = int(below() * 6)
            if kind == 0:
                raw = raw[:start] + raw[end:]
            elif kind == 1:
                raw = raw[:end] + raw[start:]
            elif kind == 2:
                raw = raw[:start] + pick(TOKENS) + raw[end:]
            elif kind == 3:
                raw = raw[:start] + pick(TOKENS) + raw[start:]
            elif kind == 4:
                raw = raw[:start] + bytes((int(below() * 256),)) + raw[start + 1 :]
            else:
                other = pick(documents)
                raw = raw[:start] + other[int(below() * len(other)) :]
        yield raw


class Writer:
    """Writes JSON in the ways it can be written; now and then with what our rules forbid."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self._random = chance.random

    def blank(self) -> str:
        """Mostly nothing: one document in two has no blank at all, as ours."""
        return self.chance.choice((" ", "\n", "\t", "\r", "  ")) if self._random() < 0.04 else ""

    def name(self, text: str) -> str:
        """A key, some characters escaped."""
        if self._random() < 0.06 and "\\" not in text:
            place = int(self._random() * len(text))
            text = f"{text[:place]}\\u{ord(text[place]):04x}{text[place + 1 :]}"
        return f'"{text}"'

    def text(self) -> str:
        """A string, some with what looks like JSON inside."""
        if self._random() < 0.6:
            return self.chance.choice(('"a"', '"led"', '"23.4°C"', '"node-1"', '""'))
        return self.chance.choice(
            (
                *(r'"\":"', r'"x\":1,\"x"', '":"', '","', r'"\\"', r'"\u0061"', r'"\ud83d\ude00"', '"{}"', '"a:b"'),
                *(r'"\""', r'"\ud83d"', '"' + "x" * 64 + '"', '"' + "x" * 65 + '"', '" "', r'"\"\n:"', r'"\" :"'),
                *(r'"\\\":"', r'"{\"x\":1}"', r'"\\\\"', r'"\":\\"'),
            )
        )

    def number(self) -> str:
        """An integer mostly; sometimes one that our rules forbid."""
        if self._random() < 0.85:
            return str(int(self._random() * 2000))
        return self.chance.choice(
            (
                *("1.5", "-1", "1e3", "-0", "1.0", str(2**53 - 1), str(2**53), str(-(2**53) + 1), "1e999", "1E-9"),
                *(str(2**64), str(-(2**53)), "9" * 25, "01", "NaN", "1.", "123456789012345678.5"),
            )
        )

    def value(self, depth: int = 0) -> str:
        """Any JSON."""
        kind = self._random() * (3 if depth > 4 else 5)
        if kind < 1.3:
            return self.text()
        if kind < 2.6:
            return self.number()
        if kind < 3:
            return self.chance.choice(("null", "true", "false"))
        if kind < 4:
            items = [self.value(depth + 1) for _ in range(int(self._random() * 3))]
            inside = ",".join(f"{self.blank()}{item}{self.blank()}" for item in items)
            return f"[{inside}]"
        if self._random() < 0.03:
            levels = 8 + int(self._random() * 9)
            return "[" * levels + '{"a":1}' + "]" * levels
        return self.object(
            [
                (self.chance.choice(("a", "b", "c", r"a\\", r"\"")), self.value(depth + 1))
                for _ in range(int(self._random() * 3))
            ]
        )

    def object(self, pairs: Sequence[tuple[str, str]]) -> str:
        """An object; sometimes shuffled, with a field missing, an unknown one, or one twice."""
        pairs = list(pairs)
        luck = self._random()
        if luck < 0.02 and pairs:
            pairs.insert(int(self._random() * (len(pairs) + 1)), self.chance.choice(pairs))
        elif luck < 0.04 and pairs:
            pairs.pop(int(self._random() * len(pairs)))
        elif luck < 0.10:
            pairs.insert(int(self._random() * (len(pairs) + 1)), ("zz", self.value(3)))
        elif luck < 0.12 and pairs:
            pairs.append((self.chance.choice(pairs)[0], self.value(3)))
        elif luck < 0.25:
            self.chance.shuffle(pairs)
        blank = self.blank
        inside = ",".join(f"{blank()}{self.name(name)}{blank()}:{blank()}{value}{blank()}" for name, value in pairs)
        return "{" + inside + "}"

    def field(self, usual: str) -> str:
        """A field's right value; rarely any other."""
        return usual if self._random() < 0.985 else self.value(2)

    def gateway_message(self) -> str:
        """One message of a gateway."""
        kind = int(self._random() * 9)
        uid, at = ("uid", self.field('"node-1"')), ("at", self.field("1700000000000"))
        if kind < 3:
            unit = [("unit", self.field('"Cel"'))] if self._random() < 0.5 else []
            resource = ("endpoint", self.field('"temperature"'))
            values = [("data", self.value()), ("value", self.value())]
            return self.object([("type", '"update"'), uid, resource, *values, *unit, at])
        if kind == 3:
            return self.object([("type", '"new"'), uid, ("protocol", self.field('"coap"')), at])
        if kind == 4:
            why = self.field(self.chance.choice(('"timeout"', '"closed"', '"lost"')))
            return self.object([("type", '"out"'), uid, ("why", why), at])
        if kind == 5:
            more = [("more", self.field("true"))] if self._random() < 0.5 else []
            return self.object([("type", '"sync"'), ("uids", self.field('["a","b"]')), *more])
        if kind == 6:
            told = [("code", self.field('"timeout"')), ("reason", self.text())] if self._random() < 0.5 else []
            return self.object([("type", '"result"'), ("id", self.field("7")), ("ok", self.field("false")), *told])
        return self.object([("type", self.chance.choice(('"seen"', '"reset"', '"seen"', '"soon"'))), uid, at])

    def gateway_frame(self) -> bytes:
        """A frame of a gateway."""
        messages = ",".join(self.gateway_message() for _ in range(int(self._random() * 3)))
        first = self.field("1")
        return (self.blank() + self.object([("first", first), ("messages", f"[{messages}]")]) + self.blank()).encode()

    def broker_frame(self) -> bytes:
        """A frame of the broker."""
        messages = []
        for _ in range(int(self._random() * 3)):
            uid = ("uid", self.field('"node-1"'))
            if self._random() < 0.6:
                write = [("id", self.field("7")), uid, ("endpoint", self.field('"led"')), ("data", self.value())]
                messages.append(self.object([("type", '"write"'), *write, ("ttl", self.field("10000"))]))
            else:
                messages.append(self.object([("type", '"refused"'), uid, ("reason", self.field('"no such node"'))]))
        ack = [("ack", self.field(self.chance.choice(("1", "null", "0"))))] if self._random() < 0.7 else []
        told = [("messages", self.field(f"[{','.join(messages)}]"))] if messages or self._random() < 0.3 else []
        return self.object([*ack, *told]).encode()

    def client_message(self) -> bytes:
        """A message of a client."""
        if self._random() < 0.3:
            token = [("token", self.field('"secret"'))] if self._random() < 0.3 else []
            features = [("features", self.field('["results"]'))] if self._random() < 0.3 else []
            return self.object([("type", '"new"'), ("data", self.field('"client"')), *token, *features]).encode()
        where = [("uid", self.field('"coap/node-1"')), ("endpoint", self.field('"led"'))]
        data = self.object([*where, ("payload", self.value())])
        id = [("id", self.field(self.chance.choice(("1", '"x"', "null"))))] if self._random() < 0.4 else []
        return self.object([("type", '"update"'), ("data", data), *id]).encode()
