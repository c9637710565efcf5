# SPDX-License-Identifier: BSD-3-Clause
"""The bill of materials: what is inside the page beside the Python packages; the same each time, and valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.bundled import components
from release.sbom import merge, write
from release.tree import ReleaseError

DOCUMENT = "# Licenses\n\n## svelte - 5.1.0 (MIT)\n\nMIT…\n\n## @lucide/svelte - 1.4.0 (ISC)\n\nISC…\n"
LOCK = json.dumps(
    {
        "packages": {
            "": {"version": "0.1.0"},
            "node_modules/svelte": {"version": "5.1.0", "integrity": "sha512-" + "A" * 86 + "=="},
            "node_modules/vite/node_modules/svelte": {"version": "4.0.0", "integrity": "sha512-" + "B" * 86 + "=="},
            "node_modules/@lucide/svelte": {"version": "1.4.0", "integrity": "sha512-" + "C" * 86 + "=="},
        }
    }
)
ELSEWHERE = [{"type": "website", "url": "https://registry.example/tornado"}]
ENVIRONMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"bom-ref": "root-component", "name": "pyaiot", "type": "application"}},
    "components": [
        {
            "bom-ref": "tornado==6",
            "name": "tornado",
            "version": "6",
            "type": "library",
            "externalReferences": ELSEWHERE,
        },
        {"bom-ref": "pyaiot==1", "name": "pyaiot", "version": "1", "type": "library"},
    ],
    "dependencies": [
        {"ref": "root-component", "dependsOn": ["tornado==6"]},
        {"ref": "pyaiot==1", "dependsOn": ["tornado==6"]},
        {"ref": "tornado==6"},
    ],
}


def bill() -> dict[str, Any]:
    page = components(DOCUMENT, LOCK)
    return merge(ENVIRONMENT, page, version="1.0", commit="abc1234", built_with=("Node.js v22",))


def test_the_packages_of_the_page_are_those_that_it_was_built_of() -> None:
    lucide, svelte = components(DOCUMENT, LOCK)
    assert lucide["purl"] == "pkg:npm/%40lucide/svelte@1.4.0"
    assert svelte["version"] == "5.1.0"
    assert svelte["hashes"] == [{"alg": "SHA-512", "content": "00" * 64}]
    with pytest.raises(KeyError):
        components(DOCUMENT.replace("5.1.0", "5.2.0"), LOCK)


def test_a_bill_has_both_worlds_once_and_no_addresses() -> None:
    whole = bill()
    refs = [each["bom-ref"] for each in whole["components"]]
    assert refs == ["npm:@lucide/svelte@1.4.0", "npm:svelte@5.1.0", "tornado==6"]
    assert whole["metadata"]["component"]["version"] == "1.0"
    needs = {each["ref"]: each.get("dependsOn") for each in whole["dependencies"]}
    assert needs.keys() == {"root-component", *refs}
    assert needs["root-component"] == refs
    assert "https" not in json.dumps(whole)
    assert "externalReferences" in ENVIRONMENT["components"][0]


def test_a_bill_is_valid_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx.validation.json")
    for name in ("one", "other"):
        write(bill(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    with pytest.raises(ReleaseError, match="does not fit"):
        write({**bill(), "components": [{"name": "of no type"}]}, tmp_path / "wrong")
