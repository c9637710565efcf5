# SPDX-License-Identifier: BSD-3-Clause
"""The answers of the advisories' services: a vulnerability fails; silence is said, and clears nothing."""

from __future__ import annotations

import json
from importlib.metadata import version

from release.advisories import of_npm_audit, of_pip_audit
from release.audit import installed

CLEAN = {"name": "tornado", "version": "6.5", "vulns": []}
SKIPPED = {"name": "tornado", "skip_reason": "Dependency not found"}
VULNERABLE = {"name": "amqtt", "version": "0.12", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.13"]}]}
NPM = {"metadata": {"dependencies": {"prod": 62}}}


def pip_audit(*packages: object) -> str:
    return json.dumps({"dependencies": packages})


def test_a_vulnerability_is_told_with_the_version_that_mends_it() -> None:
    verdict = of_pip_audit(pip_audit(CLEAN, VULNERABLE, SKIPPED), "Found 1 known vulnerability")
    assert verdict.kind == "vulnerable"
    assert "amqtt 0.12: PYSEC-1 (mended in 0.13)" in verdict.text
    verdict = of_npm_audit(json.dumps({**NPM, "vulnerabilities": {"vite": {"severity": "high"}}}), "")
    assert (verdict.kind, verdict.text) == ("vulnerable", "1 vulnerable npm packages\n  vite: high")


def test_nothing_known_is_told_of_as_many_as_were_asked_about() -> None:
    verdict = of_pip_audit(pip_audit(CLEAN, SKIPPED), "No known vulnerabilities found")
    assert (verdict.kind, verdict.text) == ("clean", "no known vulnerability in 1 Python packages, nothing said of 1")
    verdict = of_npm_audit(json.dumps({**NPM, "vulnerabilities": {}}), "")
    assert (verdict.kind, verdict.text) == ("clean", "no known vulnerability in 62 npm packages")


def test_a_service_that_knows_nothing_has_not_cleared_anything() -> None:
    """A mirror without advisories answers so, and pip-audit then calls it no known vulnerability."""
    assert of_pip_audit(pip_audit(SKIPPED, SKIPPED), "No known vulnerabilities found").kind == "unknown"


def test_a_network_that_refuses_is_no_failure_and_its_addresses_are_not_shown() -> None:
    complaint = "ERROR:pip_audit._cli:Could not connect to https://service.example/x behind\x1b[31m a proxy"
    verdict = of_pip_audit("", complaint)
    assert verdict.kind == "unknown"
    assert "example" not in verdict.text
    assert verdict.text.isprintable()
    assert of_npm_audit(json.dumps({"message": "405 Method Not Allowed"}), "npm error").kind == "unknown"


def test_a_tool_that_fails_by_itself_is_a_failure() -> None:
    assert of_pip_audit("", "Traceback…\nTypeError: unexpected keyword").kind == "broken"
    assert of_npm_audit("[]", "").kind == "broken"


def test_what_is_asked_about_is_what_is_installed_for_users() -> None:
    found = installed("pyaiot", ())
    assert found["tornado"] == version("tornado")
    assert "cryptography" in found, "an extra of a dependency: PyJWT[crypto]"
    assert not {"pyaiot", "pytest", "ruff"} & found.keys()
