# SPDX-License-Identifier: BSD-3-Clause
"""The examples of JSON-RPC 2.0, section 7, as they stand there: what is sent, and what comes back (None: nothing).

``data`` may be in an error besides (section 5.1 leaves it to the server): :func:`without_data`.
"""

from __future__ import annotations

from typing import Any

from pyaiot.rpc.methods import Method


def subtract(minuend: int, subtrahend: int) -> int:
    return minuend - subtrahend


def total(*numbers: int) -> int:
    return sum(numbers)


def get_data() -> list[Any]:
    return ["hello", 5]


def take(*anything: Any) -> None:
    """For ``update``, ``notify_hello`` and ``notify_sum``."""


#: The methods that the examples speak of. ``foobar`` and ``foo.get`` are none.
METHODS = [
    Method.of("subtract", subtract),
    Method.of("sum", total),
    Method.of("get_data", get_data),
    Method.of("update", take),
    Method.of("notify_hello", take),
    Method.of("notify_sum", take),
]

PARSE_ERROR = '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'
INVALID = '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'
NOT_FOUND = '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": %s}'

#: Of methods.
CALLS: list[tuple[str, str | None]] = [
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        '{"jsonrpc": "2.0", "result": 19, "id": 1}',
    ),
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        '{"jsonrpc": "2.0", "result": -19, "id": 2}',
    ),
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        '{"jsonrpc": "2.0", "result": 19, "id": 3}',
    ),
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        '{"jsonrpc": "2.0", "result": 19, "id": 4}',
    ),
    (
        """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]""",
        """[
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]""",
    ),
]

#: Of the framework alone, whatever the methods are.
FRAMEWORK: list[tuple[str, str | None]] = [
    ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', NOT_FOUND % '"1"'),
    ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE_ERROR),
    ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID),
    (
        """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method"
    ]""",
        PARSE_ERROR,
    ),
    ("[]", INVALID),
    ("[1]", f"[{INVALID}]"),
    ("[1,2,3]", f"[{INVALID}, {INVALID}, {INVALID}]"),
    (
        """[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]""",
        None,
    ),
]


def without_data(answer: Any) -> Any:
    """The answer as the specification shows it; the members of a batch in one order, as it leaves that open."""
    if isinstance(answer, list):
        return sorted((without_data(each) for each in answer), key=str)
    if "error" not in answer:
        return answer
    return {**answer, "error": {key: value for key, value in answer["error"].items() if key != "data"}}
