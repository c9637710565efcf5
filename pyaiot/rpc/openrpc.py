# SPDX-License-Identifier: BSD-3-Clause
"""A table of methods as an OpenRPC document (https://spec.open-rpc.org, version 1.3.2). Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pyaiot.rpc.methods import Method, MethodTable, Parameter
from pyaiot.wire.messages import JSON

OPENRPC_VERSION: Final = "1.3.2"


def describe(table: MethodTable, *, title: str, version: str) -> dict[str, JSON]:
    """The document: each method, its parameters and result as JSON Schema, in the order of their names."""
    methods = sorted(table, key=lambda method: method.name)
    types: list[Any] = []
    for each in methods:
        types += [*map(_schema_type, each.parameters), each.result]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    made = iter(schemas)
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": title, "version": version},
        "methods": [
            {
                "name": each.name,
                **_words(each),
                "paramStructure": "either",
                "params": [_parameter(parameter, next(made)) for parameter in each.parameters],
                "result": {"name": "result", "schema": next(made)},
            }
            for each in methods
        ],
        "components": {"schemas": components},
    }


def _schema_type(parameter: Parameter) -> Any:
    return list[parameter.type] if parameter.many else parameter.type  # type: ignore[name-defined]


def _parameter(parameter: Parameter, schema: dict[str, JSON]) -> dict[str, JSON]:
    words = {"description": schema["description"]} if "description" in schema else {}
    return {"name": parameter.name, **words, "required": parameter.required, "schema": schema}


def _words(method: Method) -> dict[str, JSON]:
    summary, _, more = method.description.replace("``", "`").partition("\n\n")
    words = {"summary": " ".join(summary.split())} if summary else {}
    return {**words, "description": more.strip()} if more else words
