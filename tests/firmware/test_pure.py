# SPDX-License-Identifier: BSD-3-Clause
"""What decides in the firmware: the same checks on CPython and on a real MicroPython."""

from __future__ import annotations

import ast
import importlib

import pytest

from tests.firmware.board import HERE, micropython

MODULES = sorted(path.stem for path in (HERE / "pure").glob("check_*.py"))


def checks(module: str) -> list[str]:
    tree = ast.parse((HERE / "pure" / f"{module}.py").read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


CHECKS = [(module, name) for module in MODULES for name in checks(module)]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("module", "name"), CHECKS)
def test_on_cpython(module: str, name: str) -> None:
    getattr(importlib.import_module(module), name)()


async def test_on_micropython() -> None:
    assert len(CHECKS) > 50
    async with micropython("pure_checks.py", *MODULES) as process:
        assert await process.ended() == 0, process.text
        ran = {tuple(line.split()[1:]) for line in process.lines if line.startswith("ok ")}
        assert "FAIL" not in process.text, process.text
        assert ran == set(CHECKS), process.text
