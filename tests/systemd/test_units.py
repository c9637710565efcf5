# SPDX-License-Identifier: BSD-3-Clause
"""The units: what systemd itself says of them, and what the services say of the walls around them."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pyaiot import keys
from pyaiot.cli import install_units
from pyaiot.cli.generate_keys import make_all
from pyaiot.options import ConfigurationError
from pyaiot.systemd.environment import environment_file
from pyaiot.systemd.units import SERVICES, USUAL, Installation, all_units, service_unit
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
#: systemd-analyze counts in tenths here: an exposure of 1.5.
THRESHOLD = 15
#: The kernel's own MemoryDenyWriteExecute, for this process and what it becomes: PR_SET_MDWE of prctl(2).
WALLED = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""


def analyze(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "LC_ALL": "C", **environment},  # a shell complains of a locale that is not installed
    )


def test_those_of_the_sources_are_of_the_code() -> None:
    for name, text in runpy.run_path(str(ROOT / "systemd" / "generate.py"))["render"]().items():
        assert (ROOT / "systemd" / name).read_text() == text, "run `python systemd/generate.py`"


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("user", [False, True])
def test_systemd_finds_no_fault(user: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--directory", str(tmp_path / "units"), "--settings", str(tmp_path / "settings")]
    assert install_units.run([*options, *(["--user"] if user else [])]) == 0
    said = capsys.readouterr().out
    assert "7 services and aiot.target written" in said
    assert f"{tmp_path / 'settings' / 'keys'}" in said
    units = sorted((tmp_path / "units").iterdir())
    assert len(units) == 8
    verified = analyze("--user" if user else "--system", "verify", *units, XDG_RUNTIME_DIR=str(tmp_path))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    if user:
        return
    judged = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", *units[:-1])
    assert judged.returncode == 0, judged.stdout
    exposures = re.findall(r"exposure level for (\S+)\.service: (\S+)", judged.stdout)
    assert {name for name, _ in exposures} == {service.name for service in SERVICES}
    assert all(float(exposure) <= THRESHOLD / 10 for _, exposure in exposures)


def test_nothing_that_somebody_chose_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--directory", str(tmp_path / "units"), "--settings", str(tmp_path)]
    install_units.run(options)
    (tmp_path / "environment").write_text("AIOT_BROKER_PORT=9000\n")
    (tmp_path / "units" / "aiot-broker.service").write_text("old")
    capsys.readouterr()
    install_units.run(options)
    assert "environment written" not in capsys.readouterr().out
    (tmp_path / "keys").touch(0o600)
    install_units.run(options)
    said = capsys.readouterr().out
    assert "systemctl restart aiot.target" in said
    assert "enable" not in said
    assert (tmp_path / "environment").read_text() == "AIOT_BROKER_PORT=9000\n"
    assert "ExecStart=" in (tmp_path / "units" / "aiot-broker.service").read_text()
    assert (tmp_path / "devices").stat().st_mode & 0o777 == 0o600


def test_an_installation_whose_services_shared_a_key_file_goes_on(tmp_path: Path) -> None:
    """The gateways of it are given their parts; the file stays, for the broker and for an older pyaiot."""
    make_all(tmp_path / "keys", force=False)
    before = (tmp_path / "keys").read_bytes()
    options = ["--directory", str(tmp_path / "units"), "--settings", str(tmp_path)]
    for _ in range(2):
        install_units.run(options)
        assert (tmp_path / "keys").read_bytes() == before
        for name in ("coap", "http", "mqtt", "ws"):
            unit = (tmp_path / "units" / f"aiot-{name}-gateway.service").read_text()
            (given,) = re.findall(r"^LoadCredential=keys:(.*)$", unit, re.MULTILINE)
            stored = keys.load(given)
            assert (stored.broker, set(stored.gateways)) == (None, {name})
            assert stored.trusted_broker is not None
    assert f"LoadCredential=keys:{tmp_path}/keys\n" in (tmp_path / "units" / "aiot-broker.service").read_text()


def test_where_it_cannot_write_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="run it as root, or with --user"):
        install_units.run(["--directory", str(tmp_path / "file" / "units"), "--settings", str(tmp_path)])


def test_an_installation_in_a_home_is_seen_and_nothing_else_of_it() -> None:
    folder = "/home/joe/my pyaiot/.venv"
    text = service_unit(SERVICES[0], Installation(f"{folder}/bin", USUAL.settings, code=(folder,)))
    assert "ProtectHome=tmpfs\n" in text
    assert f'BindReadOnlyPaths="{folder}"\n' in text
    assert f'ExecStart="{folder}/bin/aiot-broker"\n' in text
    assert "ProtectHome=yes\n" in all_units(USUAL)["aiot-broker.service"]


def test_a_failing_service_is_tried_ever_less_often_where_systemd_can() -> None:
    old, new = (service_unit(SERVICES[0], replace(USUAL, version=version)) for version in (252, 254))
    plain = "Restart=always\nRestartPreventExitStatus=78\nRestartSec=5\n"
    assert plain in old
    assert "Restart" not in old.replace(plain, "")
    assert "RestartSteps=6\nRestartMaxDelaySec=60\n" in new


def test_every_option_that_services_share_is_in_the_environment_file_and_none_is_set() -> None:
    lines = environment_file(user=True).splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    names = [line.partition("=")[0][1:] for line in lines if line.startswith("#AIOT_")]
    assert len(names) == len(set(names)) > 45
    assert {"AIOT_BROKER_HOST", "AIOT_COAP_PORT", "AIOT_KEY_FILE", "AIOT_TITLE", "AIOT_MAX_TIME"} <= set(names)
    assert "AIOT_KEY_FILE" not in environment_file()
    # With one port for all, the second service would not start.
    assert "AIOT_METRICS_PORT" not in names
    files = [line for line in all_units(USUAL)["aiot-broker.service"].splitlines() if "EnvironmentFile=" in line]
    assert files == [f"EnvironmentFile=-/etc/pyaiot/{name}environment" for name in ("", "aiot-broker.")]


@pytest.mark.needs("systemd-analyze")
def test_the_services_run_behind_the_walls(tmp_path: Path) -> None:
    """What can be had without a running systemd: no memory is both written and executed, and keys are a credential."""
    make_all(tmp_path / "credentials" / "keys", force=False)
    (tmp_path / "credentials" / "keys").chmod(0o440)  # as systemd's, whose readers an ACL names
    command = [BIN / "aiot", "up", "--demo", "--key-file", tmp_path / "credentials" / "keys"]
    ports = [f"--{name}-port=0" for name in ("broker", "coap", "mqtt", "gateway", "http", "web")]
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WALLED, *map(str, command), *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            assert "Traceback" not in line
            if "http://" in line and "ashboard" in line:
                break
        else:
            if process.wait() == 77:
                pytest.skip("this kernel has no PR_SET_MDWE")
            pytest.fail(f"it ended with {process.wait()}")
    finally:
        process.terminate()
        process.wait()
