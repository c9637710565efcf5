# SPDX-License-Identifier: BSD-3-Clause
"""What has to be in the archives, and what must not. Pure: names and contents in, complaints out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from release.bundled import licences, text_of

#: Issue: a wheel that a Raspberry Pi on a slow line does not notice.
MAX_WHEEL_BYTES = 5_000_000
#: Below a page's own folder.
PAGE = "pyaiot/dashboard/static/"
_NEVER = re.compile(
    r"(^|/)(node_modules|__pycache__|\.git|\.venv|\.hypothesis)/|\.(py[cod]|so|pem|key|orig|rej|map)$"
    r"|(^|/)(keys|devices|device-owners|\.env|\.npmrc|\.DS_Store)$"
)
#: Who installs it needs none of them; an sdist has ours, for those who package it.
_TESTS = re.compile(r"(^|/)tests?/")
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{32}")
#: Whoever uses what is under these owes nobody their text.
_WITHOUT_TEXT = frozenset(("0BSD", "CC0-1.0", "Unlicense"))
#: Beside the package: manuals, and what Prometheus and Grafana read.
_INSTALLED = re.compile(r"pyaiot/|pyaiot-[^/]+\.(dist-info|data/data/share/(man/man[15]|pyaiot/monitoring))/")
_MONITORING = ("alerts.yml", "grafana-dashboard.json", "prometheus.yml")
_HAS_TO_BE = (
    *("LICENSE", "pyproject.toml", "setup.py", "README.md", "CHANGELOG.md", "build_backend/front_end.py"),
    *(
        "tests/conftest.py",
        "docs/systemd.md",
        "man/aiot.1",
        "systemd/aiot-broker.service",
        "compose.yaml",
        "Dockerfile",
    ),
)


def of_wheel(files: Mapping[str, bytes], size: int) -> Iterator[str]:
    """What is wrong with a wheel of ``size`` bytes; ``files`` by their names inside."""
    if size > MAX_WHEEL_BYTES:
        yield f"the wheel has {size:,} bytes, more than {MAX_WHEEL_BYTES:,}"
    for name in files:
        if not _INSTALLED.match(name):
            yield f"the wheel would install {name}, which is not ours to install"
        elif _TESTS.search(name):
            yield f"{name} must not be published"
    info = next((name.split("/")[0] for name in files if ".dist-info/" in name), "pyaiot.dist-info")
    yield from _lacks(files, "pyaiot/py.typed", f"{info}/licenses/LICENSE", f"{info}/entry_points.txt")
    data = info.removesuffix(".dist-info") + ".data/data/share"
    yield from _lacks(files, f"{data}/man/man1/aiot.1", *(f"{data}/pyaiot/monitoring/{name}" for name in _MONITORING))
    yield from _of_both(files, "")


def of_sdist(files: Mapping[str, bytes]) -> Iterator[str]:
    """What is wrong with an sdist, whose files are all in one folder."""
    roots = {name.partition("/")[0] for name in files}
    if len(roots) != 1:
        yield f"the sdist has {len(roots)} folders at its top instead of one"
        return
    root = f"{roots.pop()}/"
    yield from _lacks(files, *(root + name for name in (*_HAS_TO_BE, "dashboard/package-lock.json", "pyaiot/py.typed")))
    yield from _lacks(files, *(f"{root}monitoring/{name}" for name in _MONITORING))
    yield from _of_both(files, root)


def _of_both(files: Mapping[str, bytes], root: str) -> Iterator[str]:
    page = root + PAGE
    yield from _lacks(files, *(page + name for name in ("index.html", "join.html", "sw.js", "sources.sha256")))
    if not any(name.startswith(f"{page}assets/") and name.endswith(".js.br") for name in files):
        yield "the page has no script"
    for name, content in files.items():
        if _NEVER.search(name):
            yield f"{name} must not be published"
        if _PRIVATE_KEY.search(content):
            yield f"{name} has a private key"
    yield from _of_licences(files.get(f"{page}licenses.md", b"").decode())


def _of_licences(document: str) -> Iterator[str]:
    found = licences(document)
    if not found:
        yield "the page does not say by whose licences its JavaScript may be used (licenses.md)"
    for each in found:
        if each.licence not in _WITHOUT_TEXT and len(text_of(document, each)) < 200:
            yield f"licenses.md lacks the text of the licence of {each.name}"


def _lacks(files: Mapping[str, bytes], *names: str) -> Iterator[str]:
    for name in names:
        if name not in files:
            yield f"{name} is missing"
