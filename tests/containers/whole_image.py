# SPDX-License-Identifier: BSD-3-Clause
"""The image, made by the Dockerfile's own steps, and the compose files running in it: values come through.

Half a minute of two cores, so it is no part of `make test` but of `make dist`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers.dockerfile import ROOT, compose
from tests.containers.machine import Image, Network, build, can
from tests.patience import PATIENCE_S

pytestmark = [
    pytest.mark.needs("unshare", "nsenter", "setpriv", "ip"),
    pytest.mark.skipif(not can(), reason="needs root, and a kernel that lets it make namespaces"),
]

#: Of the host of the whole, and of the one with gateways alone (RFC 5737).
ADDRESSES = ("192.0.2.1", "192.0.2.2")


class Containers:
    """The containers of a compose file, in one network; its volumes are folders."""

    def __init__(self, image: Image, services: dict[str, Any], folder: Path) -> None:
        self._image = image
        self._services = services
        self._folder = folder
        self.network = Network()
        self.running: dict[str, subprocess.Popen[str]] = {}

    def line(self, name: str, *command: str) -> list[str]:
        """The command line of a container."""
        service = self._services[name]
        assert service["read_only"]
        mounts = []
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            mounts.append((self._volume(source, target), target, mode == ["ro"]))
        environment = service.get("environment", {})
        return self._image.in_container(
            command or service["command"], environment, mounts, service["tmpfs"], self.network
        )

    def _volume(self, name: str, target: str) -> Path:
        """A new one is as the image has it."""
        path = self._folder / name
        if not path.exists():
            subprocess.run(["cp", "--archive", self._image.path(target), path], check=True)
        return path

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """``docker compose run --rm``, or ``exec``."""
        return subprocess.run(self.line(name, *command), capture_output=True, text=True, timeout=PATIENCE_S)

    def start(self, name: str) -> None:
        """``docker compose up``."""
        with open(self._folder / f"{name}.log", "w") as log:
            self.running[name] = subprocess.Popen(self.line(name), stdout=log, stderr=log, text=True)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def beside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of this machine, in the network of the containers."""
        return subprocess.run([*self.network.enter, *command], capture_output=True, text=True, timeout=PATIENCE_S)

    def wait_for(self, name: str, *command: str, says: str = "") -> str:
        """Run it until it succeeds, and says so; what it said."""
        until = time.monotonic() + PATIENCE_S
        while True:
            done = self.run(name, *command)
            if done.returncode == 0 and says in done.stdout:
                return done.stdout
            assert name not in self.running or self.running[name].poll() is None, self.log(name)
            assert time.monotonic() < until, f"{done.stdout}\n{done.stderr}\n{self.log(name)}"

    def make_keys(self, *arguments: str) -> str:
        """What ``aiot-generate-keys`` says."""
        done = self.run("keys", "aiot-generate-keys", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def device(self, uid: str) -> Iterator[None]:
        """A CoAP device beside the containers, with a temperature."""
        tool = str(ROOT / "utils" / "coap" / "coap-test-node.py")
        node = subprocess.Popen(
            [*self.network.enter, sys.executable, tool, "--uid", uid, "--temperature"], stdout=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            node.terminate()
            node.wait(PATIENCE_S)

    def stop(self, name: str) -> int:
        """``docker compose stop``: the signal goes to the container's first process. Its exit code."""
        process = self.running[name]
        first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(first), signal.SIGTERM)
        return process.wait(PATIENCE_S)

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(PATIENCE_S)
        self.network.close()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    made = build(folder)
    names = [*compose("compose.yaml")["services"], "pi.example.org"]
    made.path("etc").mkdir(exist_ok=True)
    made.path("etc/hosts").write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
    made.hold()
    try:
        yield made
    finally:
        made.release()
        shutil.rmtree(folder)  # 200 MB


@pytest.fixture(scope="module")
def whole(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    services = compose("compose.yaml", PYAIOT_HOST="pi.example.org")["services"]
    made = Containers(image, services, tmp_path_factory.mktemp("whole"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def greenhouse(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    services = compose("compose.gateways.yaml", PYAIOT_BROKER=ADDRESSES[0])["services"]
    made = Containers(image, services, tmp_path_factory.mktemp("greenhouse"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def operator(whole: Containers) -> tuple[str, ...]:
    """All of the whole runs and is well; what `aiot` has to be told to be let in."""
    assert "Key generation done" in whole.run("keys").stdout
    again = whole.run("keys")
    assert (again.returncode, "nothing is missing" in again.stdout) == (0, True)
    said = whole.make_keys("--client", "alice", "--role", "operator")
    (token,) = re.findall(r"^[\w-]{40,}$", said, re.MULTILINE)
    names = [name for name in compose("compose.yaml")["services"] if name != "keys"]
    for name in names:
        whole.start(name)
    for name in names:
        whole.wait_for(name, "aiot", "health")
    return ("--broker", "http://pi.example.org:8000", "--token", token)


def test_a_value_comes_through_the_whole(whole: Containers, operator: tuple[str, ...]) -> None:
    with whole.device("bench"):
        shown = whole.wait_for("http-gateway", "aiot", "ls", *operator, says="temperature")
    assert "coap/bench" in shown
    code = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/').read().decode())"
    assert "<title>" in whole.beside(sys.executable, "-c", code).stdout


def test_a_value_comes_from_a_gateway_of_another_host(
    whole: Containers, operator: tuple[str, ...], greenhouse: Containers
) -> None:
    """As docs/containers.md tells it."""
    whole.network.connect(greenhouse.network, *ADDRESSES)
    key = greenhouse.make_keys("--gateway", "greenhouse-coap").split()[-1]
    whole.make_keys("--authorize", "greenhouse-coap", key)
    (broker,) = re.findall(r"^broker +(\S+)$", whole.make_keys("--list"), re.MULTILINE)
    greenhouse.make_keys("--trust-broker", broker)
    greenhouse.start("coap-gateway")
    greenhouse.wait_for("coap-gateway", "aiot", "health")
    with greenhouse.device("tomato"):
        shown = whole.wait_for("http-gateway", "aiot", "ls", *operator, says="greenhouse-coap/tomato")
    assert "coap/tomato" in shown


def test_a_backup_is_restored_into_new_volumes(whole: Containers, image: Image, tmp_path: Path) -> None:
    with open(tmp_path / "backup", "wb") as file:
        subprocess.run(whole.line("keys", "aiot", "backup", "-"), stdout=file, check=True, timeout=PATIENCE_S)
    other = Containers(image, compose("compose.yaml")["services"], tmp_path)
    try:
        with open(tmp_path / "backup", "rb") as file:
            subprocess.run(other.line("keys", "aiot", "restore", "-"), stdin=file, check=True, timeout=PATIENCE_S)
        assert other.make_keys("--list") == whole.make_keys("--list")
    finally:
        other.close()


def test_a_container_sees_its_own_keys_and_no_others(whole: Containers, operator: tuple[str, ...]) -> None:
    """The private parts, as they are in the files, looked for wherever a service could read them."""
    held = whole.run("keys", "sh", "-c", "cat /var/lib/pyaiot-keys/*/keys").stdout
    broker, *gateways = re.findall(r"^private = (\S+)$", held, re.MULTILINE)
    assert len(gateways) == 4
    seen = {}
    for name in whole.running:
        shown = whole.run(name, "sh", "-c", "find /var/lib/pyaiot* -type f -exec cat {} +").stdout
        seen[name] = re.findall(r"^private = (\S+)$", shown, re.MULTILINE)
    assert seen.pop("broker") == [broker]
    assert seen.pop("dashboard") == []
    assert sorted(key for (key,) in seen.values()) == sorted(gateways)


def test_keys_that_all_services_shared_are_handed_out(image: Image, tmp_path: Path) -> None:
    """An installation of before had keys and passwords in one volume; its broker stays who it was."""
    made = Containers(image, compose("compose.yaml")["services"], tmp_path)
    try:
        shared = "/var/lib/pyaiot/.pyaiot"
        assert made.run("keys", "aiot-generate-keys", f"--key-file={shared}/keys").returncode == 0
        assert made.run("keys", "aiot", "device", "add", f"--device-file={shared}/devices", "wipy-1").returncode == 0
        listed = made.make_keys(f"--key-file={shared}/keys", "--list")
        first, second = made.run("keys"), made.run("keys")
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert "nothing is missing" in second.stdout
        assert made.make_keys("--list") == listed
        assert "wipy-1" in made.run("keys", "aiot", "device", "list").stdout
        assert "[broker]" not in made.run("coap-gateway", "sh", "-c", "cat /var/lib/pyaiot-keys/*/keys").stdout
    finally:
        made.close()


def test_what_runs_has_no_rights(whole: Containers) -> None:
    for where in ("/opt/pyaiot/x", "/usr/x", "/var/lib/pyaiot/x", "/etc/x"):
        assert "Read-only file system" in whole.run("broker", "touch", where).stderr, where
    status = whole.run("broker", "cat", "/proc/self/status").stdout
    found = re.findall(r"^(?:Uid|CapBnd|CapEff|NoNewPrivs):\s+(\w+)", status, re.MULTILINE)
    assert found == ["10001", *["0" * 16] * 2, "1"]


def test_no_key_and_no_tool_is_in_the_image(image: Image) -> None:
    """Beside what the base has: what the last stage has written is all there is."""
    files = [path for path in image.files.rglob("*") if path.is_file()]
    # Volumes begin with a list of devices that has none.
    files.remove(image.path("var/lib/pyaiot-devices/devices"))
    assert image.path("var/lib/pyaiot-devices/devices").read_bytes() == b""
    names = {path.name for path in files}
    assert len(files) > 500
    assert not {"keys", "devices", "device-owners", "environment", "node", "npm"} & names
    for path in files:
        assert "/.cache/" not in str(path), path
        assert "/site-packages/pip/" not in str(path), path
        assert path.suffix != ".key" or "/tornado/test/" in str(path), path  # which everybody has
    ours = ["pyaiot", "pyaiot-devices", "pyaiot-keys", "pyaiot-owners"]
    assert sorted(path.name for path in image.path("var/lib").iterdir()) == ours


def test_each_ends_in_order(whole: Containers) -> None:
    """The last test, as nothing runs any more then."""
    assert {name: whole.stop(name) for name in whole.running} == dict.fromkeys(whole.running, 0)
    for name in whole.running:
        assert "Traceback" not in whole.log(name)
