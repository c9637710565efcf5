# SPDX-License-Identifier: BSD-3-Clause
"""What must not be published is found, and so is what is missing."""

from __future__ import annotations

import pytest

from release.contents import MAX_WHEEL_BYTES, of_sdist, of_wheel

TEXT = "Permission is hereby granted to whoever reads this far. " * 5
LICENSES = f"# Licenses\n\n## svelte - 5.1.0 (MIT)\n\n{TEXT}\n\n## ogl - 1.0.0 (Unlicense)\n".encode()
PAGE = {
    f"pyaiot/dashboard/static/{name}": b"x"
    for name in ("index.html", "join.html", "sw.js", "sources.sha256", "assets/index-abc.js.br")
} | {"pyaiot/dashboard/static/licenses.md": LICENSES}
MONITORING = ("alerts.yml", "grafana-dashboard.json", "prometheus.yml")
WHEEL = {
    **PAGE,
    "pyaiot/py.typed": b"",
    "pyaiot-1.0.dist-info/licenses/LICENSE": b"BSD",
    "pyaiot-1.0.dist-info/entry_points.txt": b"",
    "pyaiot-1.0.data/data/share/man/man1/aiot.1": b"",
    **{f"pyaiot-1.0.data/data/share/pyaiot/monitoring/{name}": b"" for name in MONITORING},
}
SDIST = {
    f"pyaiot-1.0/{name}": b"x"
    for name in (
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "setup.py",
        "build_backend/front_end.py",
        "dashboard/package-lock.json",
        *("tests/conftest.py", "docs/systemd.md", "man/aiot.1", "systemd/aiot-broker.service"),
        *("compose.yaml", "Dockerfile"),
        "pyaiot/py.typed",
        *(f"monitoring/{name}" for name in MONITORING),
    )
} | {f"pyaiot-1.0/{name}": content for name, content in PAGE.items()}
PRIVATE_KEY = b"-----BEGIN PRIVATE " + b"KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3vAAAAAAAAAAAA\n"


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert [*of_wheel(WHEEL, MAX_WHEEL_BYTES)] == []
    assert [*of_sdist(SDIST)] == []


@pytest.mark.parametrize("name", sorted(WHEEL))
def test_nothing_of_a_wheel_can_be_missing(name: str) -> None:
    assert [*of_wheel({other: content for other, content in WHEEL.items() if other != name}, 1)]


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_keys.py",
        "pyaiot/tests/test_keys.py",
        "pyaiot/__pycache__/keys.cpython-311.pyc",
        "pyaiot/dashboard/static/node_modules/svelte/index.js",
        "pyaiot/keys",
        "pyaiot/broker/server.pem",
        "pyaiot/dashboard/static/assets/index-abc.js.map",
        "benchmarks/__init__.py",
    ],
)
def test_what_is_not_for_users_is_found(name: str) -> None:
    complaints = [*of_wheel({**WHEEL, name: b""}, 1)]
    assert complaints
    assert all(name in complaint for complaint in complaints)


def test_a_private_key_is_found_whatever_its_file_is_called() -> None:
    assert [*of_sdist({**SDIST, "pyaiot-1.0/README.md": PRIVATE_KEY})] == ["pyaiot-1.0/README.md has a private key"]


def test_a_wheel_that_has_grown_is_found() -> None:
    (complaint,) = of_wheel(WHEEL, MAX_WHEEL_BYTES + 1)
    assert "5,000,001" in complaint


def test_a_licence_without_its_text_is_found() -> None:
    page = {**WHEEL, "pyaiot/dashboard/static/licenses.md": LICENSES.replace(TEXT.encode(), b"")}
    assert [*of_wheel(page, 1)] == ["licenses.md lacks the text of the licence of svelte"]


def test_an_sdist_fills_no_folder_but_its_own() -> None:
    assert [*of_sdist({**SDIST, "setup.py": b""})] == ["the sdist has 2 folders at its top instead of one"]
