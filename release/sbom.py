# SPDX-License-Identifier: BSD-3-Clause
"""The bill of materials (CycloneDX 1.6, JSON): the Python packages of an installation, and what is inside the page.

The same installation makes the same bill: it has no serial number, and its time is that of the commit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.tree import ReleaseError

ROOT_REF = "root-component"


def of_environment(python: Path, pyproject: Path, moment_s: int) -> dict[str, Any]:
    """The packages of the environment of ``python``, as cyclonedx-bom finds them. Raises ReleaseError."""
    options = ("--output-reproducible", "--sv", "1.6", "--no-validate", "--pyproject", str(pyproject))
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", *options, str(python)],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(moment_s)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{done.stderr}\ncyclonedx-bom failed; what it wrote is above")
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def merge(
    bill: Mapping[str, Any], page: Sequence[Mapping[str, Any]], *, version: str, commit: str, built_with: Sequence[str]
) -> dict[str, Any]:
    """One bill of the environment's and the page's components; pure.

    Addresses are left out: a purl says which package is meant, and where it came from here is nobody's concern.
    """
    whole: dict[str, Any] = _without_addresses(bill)
    root = whole["metadata"]["component"]
    root["version"] = version
    root["purl"] = f"pkg:pypi/pyaiot@{version}"
    root["properties"] = [
        {"name": "pyaiot:commit", "value": commit},
        *({"name": "pyaiot:built-with", "value": each} for each in built_with),
    ]
    own = [each["bom-ref"] for each in whole["components"] if each["name"] == "pyaiot"]
    whole["components"] = sorted(
        (*(each for each in whole["components"] if each["bom-ref"] not in own), *page), key=lambda each: each["bom-ref"]
    )
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in whole["dependencies"] if each["ref"] not in own}
    needs.setdefault(ROOT_REF, set()).update(each["bom-ref"] for each in page)
    for each in page:
        needs[each["bom-ref"]] = set()
    whole["dependencies"] = [
        {"ref": ref, **({"dependsOn": sorted(on - {*own})} if on else {})} for ref, on in sorted(needs.items())
    ]
    return whole


def write(bill: Mapping[str, Any], path: Path) -> None:
    """Raises ReleaseError when the bill does not fit the schema of CycloneDX."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise ReleaseError(f"the bill of materials does not fit CycloneDX 1.6: {fault}")
    path.write_text(text, encoding="utf-8")


def _without_addresses(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _without_addresses(value) for name, value in part.items() if name != "externalReferences"}
    return [_without_addresses(each) for each in part] if isinstance(part, list) else part
