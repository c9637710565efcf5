# SPDX-License-Identifier: BSD-3-Clause
"""The shape of the tree: what decides knows no socket and no clock, and no part reaches where it must not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pyaiot"

#: What decides: all of these packages, and these modules. A folder counts with everything in it.
PURE = [
    "wire",
    "nodes",
    "key_parts.py",
    "announce/offers.py",
    "announce/policy.py",
    "discover/findings.py",
    "systemd",
    "backup/archive.py",
    "backup/contents.py",
    "backup/encryption.py",
    "backup/layout.py",
    "backup/plan.py",
    "backup/settings_text.py",
    "gateway/adapter.py",
    "gateway/backoff.py",
    "gateway/confirmation.py",
    "gateway/core.py",
    "gateway/deadline_heap.py",
    "gateway/details.py",
    "gateway/device_text.py",
    "gateway/metrics.py",
    "gateway/orders.py",
    "gateway/outbox.py",
    "gateway/questions.py",
    "gateway/reads.py",
    "gateway/requests.py",
    "gateway/resync.py",
    "gateway/tally.py",
    "gateway/updates.py",
    "gateway/writes.py",
    "gateway/coap/contacts.py",
    "gateway/coap/counters.py",
    "gateway/coap/datagrams.py",
    "gateway/coap/directory.py",
    "gateway/coap/exchanges.py",
    "gateway/coap/freshness.py",
    "gateway/coap/group_answers.py",
    "gateway/coap/link_about.py",
    "gateway/coap/linkformat.py",
    "gateway/coap/payloads.py",
    "gateway/http/access.py",
    "gateway/http/commands.py",
    "gateway/http/counters.py",
    "gateway/http/limits.py",
    "gateway/http/payloads.py",
    "gateway/http/report.py",
    "gateway/http/senml.py",
    "gateway/mqtt/complaints.py",
    "gateway/mqtt/counters.py",
    "gateway/mqtt/duplicates.py",
    "gateway/mqtt/in_flight.py",
    "gateway/mqtt/packets.py",
    "gateway/mqtt/payloads.py",
    "gateway/mqtt/topics.py",
    "gateway/ws/admission.py",
    "gateway/ws/counters.py",
    "gateway/ws/deadlines.py",
    "gateway/ws/fair_queue.py",
    "gateway/ws/framing.py",
    "gateway/ws/pace.py",
    "gateway/ws/payloads.py",
    "gateway/ws/residents.py",
    "gateway/ws/sessions",
    "gateway/ws/echo.py",
    "gateway/device_tokens/grants.py",
    "gateway/device_tokens/owners.py",
    "gateway/device_tokens/signatures.py",
    "gateway/device_tokens/tokens.py",
    "broker/actuations.py",
    "broker/addressees.py",
    "broker/arip/member.py",
    "broker/arip/translation.py",
    "broker/authorisation.py",
    "broker/client_codec.py",
    "broker/close_codes.py",
    "broker/change_feed.py",
    "broker/change_list.py",
    "broker/departed.py",
    "broker/details.py",
    "broker/directory.py",
    "broker/entries.py",
    "broker/entities",
    "broker/fanout.py",
    "broker/framing.py",
    "broker/leaving.py",
    "broker/notices.py",
    "broker/owner.py",
    "broker/parked.py",
    "broker/peers.py",
    "broker/router.py",
    "broker/rpc/caller.py",
    "broker/rpc/device_types.py",
    "broker/rpc/entity_member.py",
    "broker/rpc/changes.py",
    "broker/rpc/filtered_view.py",
    "broker/rpc/filters.py",
    "broker/rpc/groups.py",
    "broker/rpc/node_view.py",
    "broker/rpc/resource_type.py",
    "broker/rpc/turns.py",
    "broker/rpc/uid_index.py",
    "broker/rpc/watch.py",
    "broker/rpc/watch_fanout.py",
    "broker/rpc/watches.py",
    "broker/sequence.py",
    "broker/service_pace.py",
    "broker/waiting_room.py",
    "broker/writes.py",
    "monitoring/families.py",
    "monitoring/health.py",
    "monitoring/vitals.py",
    "monitoring/watched.py",
    "mqtt_broker/access.py",
    "mqtt_broker/admission.py",
    "mqtt_broker/counters.py",
    "mqtt_broker/delivery.py",
    "mqtt_broker/fields.py",
    "mqtt_broker/login.py",
    "mqtt_broker/pace.py",
    "mqtt_broker/packets.py",
    "cli/wording.py",
    "client/address.py",
    "client/changes.py",
    "client/lag.py",
    "client/records.py",
    "client/view.py",
    "rpc/batches.py",
    "rpc/conversation.py",
    "rpc/decoding.py",
    "rpc/encoding.py",
    "rpc/errors.py",
    "rpc/limits.py",
    "rpc/messages.py",
    "rpc/methods.py",
    "rpc/openrpc.py",
    "rpc/pending.py",
    "dashboard/manifest.py",
    "dashboard/security.py",
    "doctor/checks",
    "doctor/findings.py",
    "doctor/proc_net.py",
    "doctor/report.py",
    "doctor/subjects.py",
    "doctor/unit_files.py",
    "simulation/courses.py",
    "simulation/sensors.py",
    "tls/counters.py",
    "tls/unfinished.py",
    "tls/validity.py",
    "tls/verification.py",
    "addresses.py",
    "actuation.py",
    "ports.py",
    "settings.py",
    "http_origin.py",
    "mqtt_check.py",
]

#: Sockets, loops, clocks, threads, files, processes, chance of the system's, and who speaks protocols.
IMPURE = {
    *(
        "socket",
        "socketserver",
        "select",
        "selectors",
        "ssl",
        "asyncio",
        "uvloop",
        "concurrent",
        "threading",
        "_thread",
    ),
    *(
        "multiprocessing",
        "subprocess",
        "signal",
        "time",
        "datetime",
        "sched",
        "io",
        "os",
        "pathlib",
        "shutil",
        "tempfile",
    ),
    *("secrets", "http", "ftplib", "urllib.request", "wsgiref", "tornado", "websockets", "aiocoap", "aiohttp"),
    *("prometheus_client", "requests", "paho", "aiomqtt", "logging.handlers", "sqlite3", "ctypes"),
}

#: Modules of ours with files in them, from which a pure module may take exactly these names.
BOUNDARY = {
    # Types, a hash, and the text of a key file read and written.
    "pyaiot.keys": {"ClientToken", "KeyFileError", "Keys", "Role", "parse", "render", "token_digest"},
    "pyaiot.options": {"option", "ConfigurationError", "OptionError"},  # declares a field; errors
}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def path_of(module: str) -> Path | None:
    """The file of one of our modules; None for those of others."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def imports(path: Path) -> tuple[tuple[str, str | None], ...]:
    """What a file imports when it runs, as (module, name or None)."""
    return tuple(find_imports(path))


def find_imports(path: Path) -> Iterator[tuple[str, str | None]]:
    for node in running(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports here are absolute"
            for alias in node.names:
                assert node.module is not None
                whole = f"{node.module}.{alias.name}"
                yield (whole, None) if path_of(whole) else (node.module, alias.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            assert called not in ("__import__", "import_module"), f"{path}: imports by name"


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from running(other)
            continue
        yield child
        yield from running(child)


def is_impure(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:length]) in IMPURE for length in range(1, len(parts) + 1))


def pure_modules() -> list[Path]:
    found: list[Path] = []
    for entry in PURE:
        path = PACKAGE / entry
        assert path.exists(), f"{entry} is gone; is it still pure where it went?"
        found += modules(path) if path.is_dir() else [path]
    return found


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_decides_is_pure(path: Path) -> None:
    """Also through what it imports; the road there is told."""
    roads: list[tuple[Path, tuple[str, ...]]] = [(path, (name_of(path),))]
    seen = {path}
    while roads:
        here, road = roads.pop()
        for module, name in imports(here):
            told = " → ".join((*road, module))
            assert not is_impure(module), told
            if module in BOUNDARY:
                assert name in BOUNDARY[module], f"{told}: {name}"
                continue
            following = path_of(module)
            if module.startswith("pyaiot") and following is not None and following not in seen:
                seen.add(following)
                roads.append((following, (*road, module)))


def test_whoever_says_to_be_pure_is_in_the_list() -> None:
    claiming = [
        path
        for path in modules()
        if (words := ast.get_docstring(tree(path))) and ("Pure:" in words or "Pure." in words)
    ]
    assert len(claiming) >= 8
    assert set(claiming) <= set(pure_modules())


def architecture() -> Iterator[tuple[str, str, str]]:
    """The lines of ARCHITECTURE.md's tree of the package: the part that a line is in, what it names, what it says."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    part = ""
    for line in text.partition("\npyaiot/\n")[2].partition("\ndashboard/")[0].splitlines():
        if line.startswith("    "):
            inside = part
        else:
            part = line.split()[0] if line.split()[0].endswith("/") else ""
            inside = ""
        names, _, words = line.strip().partition("  ")
        yield inside, names, words.strip()


def test_what_the_architecture_calls_pure_is_in_the_list() -> None:
    called = [
        inside + name for inside, names, words in architecture() if words.startswith("pure ") for name in names.split()
    ]
    assert len(called) >= 12
    for name in called:
        path = PACKAGE / name
        assert path.exists(), name
        assert set(modules(path) if path.is_dir() else [path]) <= set(pure_modules()), f"{name} is not pure"


def test_the_architecture_names_every_file_of_the_two_large_parts() -> None:
    for part in ("broker/", "gateway/"):
        told = " ".join(names + " " + words for inside, names, words in architecture() if inside == part)
        for path in modules(PACKAGE / part):
            if path.name != "__init__.py":
                assert re.search(rf"\b{path.stem}\b", told), path


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_decides_asks_no_clock_and_opens_no_file(path: Path) -> None:
    clocks = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "now", "utcnow", "today", "sleep")
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                owner, called = node.func.value.id, node.func.attr
                assert not (owner in ("time", "datetime", "date") and called in clocks), f"{path}:{node.lineno}"
            if isinstance(node.func, ast.Name):
                assert node.func.id not in ("open", "print", "input", "exec", "eval"), f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    ("part", "others"),
    [
        ("broker", ("gateway", "dashboard", "simulation", "cli")),
        ("gateway", ("broker", "dashboard", "simulation", "cli")),
        ("dashboard", ("broker", "gateway", "simulation", "cli", "wire", "nodes")),
        ("mqtt_broker", ("broker", "gateway", "dashboard", "simulation", "cli", "nodes")),
        ("simulation", ("broker", "gateway", "dashboard", "cli")),
        ("wire", ("broker", "gateway", "nodes", "dashboard", "simulation", "cli")),
        ("nodes", ("broker", "gateway", "dashboard", "simulation", "cli")),
    ],
)
def test_no_part_reaches_into_another(part: str, others: tuple[str, ...]) -> None:
    found = modules(PACKAGE / part)
    assert found
    for path in found:
        for module, _ in imports(path):
            assert not any(f"{module}.".startswith(f"pyaiot.{other}.") for other in others), f"{path} imports {module}"


def test_protocols_do_not_know_each_other() -> None:
    protocols = {
        path.name for path in (PACKAGE / "gateway").iterdir() if path.is_dir() and (path / "adapter.py").exists()
    }
    assert "coap" in protocols
    for path in modules(PACKAGE / "gateway"):
        own = path.relative_to(PACKAGE / "gateway").parts[0]
        for module, _ in imports(path):
            for other in protocols - {own}:
                assert not f"{module}.".startswith(f"pyaiot.gateway.{other}."), f"{path} imports {module}"


def test_nothing_imports_the_tools_around_it() -> None:
    for path in modules():
        for module, _ in imports(path):
            assert module.split(".")[0] not in ("utils", "tests", "benchmarks", "docs", "firmware"), f"{path}: {module}"


def test_nothing_but_tests_imports_the_tests_of_adapters() -> None:
    for path in modules():
        if not path.is_relative_to(PACKAGE / "testing"):
            for module, _ in imports(path):
                assert not module.startswith("pyaiot.testing"), path
    for path in modules(PACKAGE / "testing"):
        for module, _ in imports(path):
            assert module.split(".")[0] not in ("pytest", "pytest_asyncio", "hypothesis"), f"{path}: {module}"


def test_names_say_what_a_thing_is() -> None:
    for path in (*modules(), *(each for each in PACKAGE.rglob("*") if each.is_dir())):
        assert path.stem.lower() not in FORBIDDEN_NAMES, path


def test_every_file_begins_with_its_licence() -> None:
    ours = [
        path
        for folder in ("pyaiot", "tests", "benchmarks", "build_backend", "docs", "release", "utils", "firmware")
        for path in modules(ROOT / folder)
    ]
    assert len(ours) > 80
    for path in [*ours, ROOT / "setup.py"]:
        if path.name == "__init__.py" and path.stat().st_size == 0:
            continue  # nothing to license
        with path.open(encoding="utf-8") as file:
            first = file.readline()
            if first.startswith("#!"):
                first = file.readline()
        assert first == "# SPDX-License-Identifier: BSD-3-Clause\n", path


def identifiers(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name, line
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, line
            case ast.alias(name=name, asname=other):
                yield other or name, line


def test_a_resource_is_never_called_endpoint() -> None:
    """The wire's old word is spoken in the two codecs; CoAP has endpoints of another kind, and so has asyncio."""
    codecs = {PACKAGE / "broker" / "client_codec.py", PACKAGE / "wire" / "messages.py"}
    for path in modules():
        if path in codecs or path.is_relative_to(PACKAGE / "gateway" / "coap"):
            continue
        for name, line in identifiers(path):
            if name != "create_datagram_endpoint":
                assert "endpoint" not in name.lower(), f"{path}:{line}: {name}"


def test_files_stay_small() -> None:
    for path in modules():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 450, f"{path} has {lines} lines"
