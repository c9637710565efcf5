# SPDX-License-Identifier: BSD-3-Clause
"""Dockerfile and compose files, held to the rules that linters of such files have, and to what they are for."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pyaiot.settings import ALL_SETTINGS, SERVICES
from tests.containers.dockerfile import ROOT, compose, context, instructions, stages

TEXT = (ROOT / "Dockerfile").read_text()
COMPOSE = ("compose.yaml", "compose.gateways.yaml")
OPTIONS = {f"AIOT_{each.name.upper()}" for settings in ALL_SETTINGS for each in fields(settings)}
#: What a service may say here: all of them keys of the compose specification.
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "logging", "mem_limit"),
    *("network_mode", "pids_limit", "ports", "profiles", "read_only", "restart", "security_opt", "stop_grace_period"),
    *("tmpfs", "volumes"),
}


def test_the_dockerfile_is_as_linters_want_it() -> None:
    every = instructions(TEXT)
    names = [each.name for each in every]
    assert not {"ADD", "MAINTAINER", "ONBUILD", "SHELL"} & set(names)
    base = every[0]
    assert base.name == "ARG", "the base can be chosen"
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", base.assignments["BASE"]), "a version, not latest"
    for each in every:
        if each.name == "FROM":
            assert each.words[0] == "${BASE}"
        if each.name == "RUN":
            assert not re.search(r"\b(sudo|apt|curl|wget|chmod 777|cd)\b", each.value), each.line
            assert "|" not in each.value.replace("||", ""), f"line {each.line}: a pipe hides what fails"
        if each.name == "WORKDIR":
            assert each.value.startswith("/")
        if each.name in ("COPY", "RUN"):
            assert not re.search(r"https?:", each.value), "no host is named"
    *_, last = stages(TEXT)
    only = [each.name for each in last]
    for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK", "USER", "STOPSIGNAL"):
        assert only.count(name) == 1, name
    said = {each.name: each for each in last}
    assert said["ENTRYPOINT"].is_exec_form
    assert said["CMD"].is_exec_form
    assert '["aiot", "health"]' in said["HEALTHCHECK"].value
    assert all(int(number) >= 10_000 for number in said["USER"].value.split(":")), "by number, and none of a host's"
    after = only[only.index("USER") + 1 :]
    assert not {"RUN", "COPY", "USER"} & set(after)


def test_only_the_first_stage_builds_and_nothing_of_it_but_the_installation_is_taken() -> None:
    first, last = stages(TEXT)
    assert [each.value for each in last if each.name == "COPY"] == ["/opt/pyaiot /opt/pyaiot"]
    assert [each.flags for each in last if each.name == "COPY"] == [("--from=build",)]
    assert not any("pip" in each.value for each in last if each.name == "RUN")
    for each in (*first, *last):
        if each.name in ("ARG", "ENV"):
            assert not re.search(r"(?i)secret|token|password|passphrase|private|key_file", each.value), each.line


def test_variables_of_the_image_are_options() -> None:
    for each in instructions(TEXT):
        if each.name == "ENV":
            assert {name for name in each.assignments if name.startswith("AIOT_")} <= OPTIONS


def test_no_key_gets_into_an_image(tmp_path: Path) -> None:
    """Planted wherever somebody might have one, among what does belong in."""
    for good in ("pyaiot/keys.py", "pyaiot/dashboard/static/index.html", "dashboard/src/App.svelte", "pyproject.toml"):
        (tmp_path / good).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / good).touch()
    for bad in (
        *(".pyaiot/keys", "keys", "environment", ".env", "device-token.key", "tls.pem", "pi.tar.gz", "x.backup"),
        *("pyaiot/keys", "pyaiot/broker/cert.pem", "dashboard/.env", "dashboard/src/devices", "pyaiot/device-keys/a"),
        *(
            "build_backend/.netrc",
            "dashboard/node_modules/x/index.js",
            "tests/a.py",
            ".git/config",
            "man/device-owners",
        ),
        *("pyaiot/__pycache__/keys.cpython-311.pyc", "pyaiot/.pyaiot/keys", "docs/a.md", ".venv/bin/python"),
    ):
        (tmp_path / bad).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / bad).touch()
    taken = {str(path) for path in context(tmp_path)}
    assert taken == {
        *("pyaiot/keys.py", "pyaiot/dashboard/static/index.html", "dashboard/src/App.svelte", "pyproject.toml"),
    }


def test_what_is_copied_is_in_the_context() -> None:
    taken = set(map(str, context()))
    tops = {path.partition("/")[0] for path in taken}
    copied = [word for each in stages(TEXT)[0] if each.name == "COPY" and not each.flags for word in each.words[:-1]]
    assert set(copied) == tops
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "pyaiot").rglob("*.py")}
    assert sources <= taken
    assert {"dashboard/package-lock.json", "dashboard/index.html", "dashboard/src/main.ts"} <= taken
    beside = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"].values()
    installed = {str(path.relative_to(ROOT)) for each in beside for glob in each for path in ROOT.glob(glob)}
    assert len(installed) > 20
    assert installed <= taken, "pip fails without them: let them in by .dockerignore, and COPY them"


def services(name: str) -> dict[str, Any]:
    return dict(compose(name)["services"])


@pytest.mark.parametrize("file", COMPOSE)
def test_every_container_is_behind_walls(file: str) -> None:
    for title, service in services(file).items():
        assert set(service) <= SERVICE_KEYS, title
        assert service["image"] == "pyaiot"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        if title == "keys":
            assert (service["restart"], service["network_mode"]) == ("no", "none")
            continue
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"] == ["CMD", "aiot", "health"]
        assert service["command"][0] in SERVICES
        # Who hears devices or browsers cannot change a key.
        volumes = service.get("volumes", [])
        assert all(volume.endswith(":ro") or volume.startswith("owners:") for volume in volumes)
        # Of keys it sees its own, which it reads, and no other service does.
        own = [volume for volume in volumes if not volume.startswith(("devices:", "owners:"))]
        name, folder = service["command"][0], f"/var/lib/pyaiot-keys/{service['command'][0]}"
        assert own == ([] if name == "aiot-dashboard" else [f"{title.removesuffix('-gateway')}-keys:{folder}:ro"])
        assert not own or service["environment"]["AIOT_KEY_FILE"] == f"{folder}/keys"
        assert all(volume.removesuffix(":ro") in services(file)["keys"]["volumes"] for volume in volumes)
        assert set(service["environment"]) <= OPTIONS
        assert all(isinstance(value, str) for value in service["environment"].values()), (
            "quote it: YAML takes it for another"
        )


@pytest.mark.parametrize("name", COMPOSE)
def test_no_two_ports_are_one(name: str) -> None:
    told = [service["environment"]["AIOT_METRICS_PORT"] for title, service in services(name).items() if title != "keys"]
    published = [port for service in services(name).values() for port in service.get("ports", [])]
    assert len(set(told)) == len(told)
    assert len(set(published)) == len(published)
    exposed = next(each for each in instructions(TEXT) if each.name == "EXPOSE").words
    for port in published:
        assert port.partition(":")[2] in exposed


def test_all_services_are_in_the_whole_one() -> None:
    running = {service["command"][0] for name, service in services("compose.yaml").items() if name != "keys"}
    assert running == {*SERVICES} - {"aiot-mqtt-broker"}  # that is in the MQTT gateway


@pytest.mark.parametrize("name", COMPOSE)
def test_every_volume_is_declared_and_a_folder_of_the_image(name: str) -> None:
    mounted = [volume.split(":") for service in services(name).values() for volume in service.get("volumes", [])]
    assert {volume for volume, *_ in mounted} == set(compose(name)["volumes"])
    made = next(each.value for each in stages(TEXT)[-1] if each.name == "RUN")
    assert {target for _, target, *_ in mounted} <= set(made.split())
