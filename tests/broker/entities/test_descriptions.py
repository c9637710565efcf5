# SPDX-License-Identifier: BSD-3-Clause
"""Which names an entity may have and offer, as the broker judges, and as its patterns are read elsewhere."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import msgspec
import pytest

from pyaiot.broker.entities.descriptions import EntityId, EntityType, MethodName
from tests.patience import PATIENCE_S

#: Kinds of names; which are good; which are not.
NAMES: dict[str, tuple[Any, list[str], list[str]]] = {
    "method": (
        MethodName,
        ["led", "a_b", "rpc", "RPC.x", "größer als", "x" * 64, "$"],
        ["", "_hidden", "__class__", "rpc.", "rpc.discover", "a\n", "\na", "a\nb", "a\u2028", "\x1b[2J", "x" * 65],
    ),
    "id": (EntityId, ["lamp", "_a", "A.b:c-9", "x" * 64], ["", "a b", "lamp\n", "\nlamp", "a\nb", "ä", "x" * 65]),
    "type": (EntityType, ["_", "a lamp", "Ä", "x" * 64], ["", "lamp\n", "a\nb", "a\r", "\x7f", "a\u202e", "x" * 65]),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_are_judged_whole_jr_4(kind: str) -> None:
    type_, good, bad = NAMES[kind]
    for name in good:
        assert msgspec.convert(name, type_) == name
    for name in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(name, type_)


@pytest.mark.needs("node")
def test_javascript_reads_the_patterns_as_we_do() -> None:
    cases = [
        (schema["pattern"], schema.get("maxLength", 64), name, is_good)
        for type_, good, bad in NAMES.values()
        for schema in [msgspec.json.schema(type_)]
        for name, is_good in [*((each, True) for each in good), *((each, False) for each in bad)]
    ]
    program = """
        const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const told = cases.map(([pattern, most, name]) => new RegExp(pattern, "u").test(name) && name.length <= most);
        console.log(JSON.stringify(told));
    """
    done = subprocess.run(
        ["node", "-e", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert json.loads(done.stdout) == [is_good for *_, is_good in cases]
