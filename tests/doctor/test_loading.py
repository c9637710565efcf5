# SPDX-License-Identifier: BSD-3-Clause
"""By which settings a service is examined: of its process, of its unit, or of where the doctor is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyaiot.doctor import loading
from pyaiot.doctor.asking import ask
from pyaiot.doctor.checks import configuration
from pyaiot.doctor.checks.network import Network
from pyaiot.doctor.host import Host
from pyaiot.doctor.probes import units as unit_probe
from pyaiot.doctor.probes.processes import Running
from pyaiot.doctor.probes.rights import read_rights
from pyaiot.doctor.probes.units import Units
from pyaiot.doctor.unit_files import read_unit
from pyaiot.settings import BrokerSettings
from pyaiot.systemd.units import Installation, all_units

NO_UNITS = Units((), frozenset())


def units(settings: Path) -> Units:
    text = all_units(Installation("/opt/bin", str(settings)))["aiot-broker.service"]
    return Units(((read_unit("aiot-broker", "/etc/systemd/system/aiot-broker.service", text), text),), frozenset())


def running(environment: dict[str, str] | None, *arguments: str) -> Running:
    return Running(7, 4711, "aiot-broker", arguments, environment, "/srv", 1024)


def test_a_process_is_examined_as_it_was_started(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("gateway_grace = 5\n")
    process = Running(
        7, 0, "aiot-broker", ("--config", "c.toml"), {"HOME": "/h", "AIOT_BROKER_PORT": "9"}, str(tmp_path), 99
    )
    (loaded,) = loading.load(["aiot-broker"], [process], NO_UNITS, "")
    assert loaded.subject is not None
    settings = loaded.subject.settings
    assert isinstance(settings, BrokerSettings)
    assert (settings.gateway_grace, settings.broker_port, settings.key_file) == (5, "9", "/h/.pyaiot/keys")
    assert (loaded.subject.pid, loaded.subject.expected, loaded.files) == (7, True, 99)


def test_of_a_copy_of_systemd_the_original_is_looked_at(tmp_path: Path) -> None:
    copy = "/run/credentials/aiot-broker.service/keys"
    (loaded,) = loading.load(["aiot-broker"], [running({"AIOT_KEY_FILE": copy})], units(tmp_path), "")
    assert loaded.subject is not None
    assert (loaded.subject.settings.key_file, loaded.uid) == (str(tmp_path / "keys"), None)
    assert loaded.copies == (("AIOT_KEY_FILE", copy, str(tmp_path / "keys")),)


def test_what_systemd_would_say_otherwise_now_is_seen(tmp_path: Path) -> None:
    environment = {"AIOT_KEY_FILE": "/run/credentials/aiot-broker.service/keys", "AIOT_GATEWAY_GRACE": "9"}
    started = {**environment, "SYSTEMD_EXEC_PID": "7"}
    (tmp_path / "environment").write_text("AIOT_BROKER_PORT=9123\nAIOT_GATEWAY_GRACE=9\n")
    # Who starts it by hand, also in a shell that systemd has started, means what she says.
    by_hand = {**started, "SYSTEMD_EXEC_PID": "1"}
    for given, seen in ((started, {"AIOT_BROKER_PORT"}), (environment, set()), (by_hand, set())):
        (loaded,) = loading.load(["aiot-broker"], [running(given)], units(tmp_path), "")
        assert loaded.changed == seen
        found = list(configuration.check_changed(loaded.name, loaded.changed, user=False))
        assert [each.fix for each in found] == ["systemctl daemon-reload; systemctl restart aiot-broker"] * len(seen)


def test_who_may_not_see_a_process_looks_at_its_unit_or_says_so(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("# c\nAIOT_BROKER_PORT=9123\nAIOT_GATEWAY_GRACE=7\n")
    (tmp_path / "aiot-broker.environment").write_text("AIOT_GATEWAY_GRACE=9\n")
    (loaded,) = loading.load(["aiot-broker"], [running(None)], units(tmp_path), "")
    assert loaded.subject is not None
    assert (loaded.subject.settings.broker_port, loaded.subject.pid) == ("9123", 7)
    assert isinstance(loaded.subject.settings, BrokerSettings)
    assert loaded.subject.settings.gateway_grace == 9
    (unseen,) = loading.load(["aiot-broker"], [running(None)], NO_UNITS, "")
    assert (unseen.subject, unseen.unseen, unseen.pid) == (None, True, 7)


def test_what_is_added_to_a_unit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/hosts.md has TLS with systemd."""
    monkeypatch.setattr(unit_probe, "SYSTEM_UNITS", tmp_path)
    text = all_units(Installation("/opt/bin", str(tmp_path)))["aiot-broker.service"]
    (tmp_path / "aiot-broker.service").write_text(text)
    (tmp_path / "aiot-broker.service.d").mkdir()
    (tmp_path / "aiot-broker.service.d" / "override.conf").write_text(
        "[Service]\nLoadCredential=tls-cert:/x/c.pem\nLoadCredential=tls-key:/x/k.pem\n"
        "Environment=AIOT_TLS_CERT=%d/tls-cert AIOT_TLS_KEY=%d/tls-key\n"
    )
    ((unit, own),) = unit_probe.look().found
    assert (unit.environment["AIOT_TLS_CERT"], unit.environment["AIOT_TLS_KEY"]) == ("/x/c.pem", "/x/k.pem")
    assert own == text


def test_what_does_not_run_is_examined_as_it_would_be_started_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOT_MQTT_SSL", "yes")
    monkeypatch.setenv("AIOT_MQTT_CA", str(tmp_path / "none.pem"))
    gateway, broker = loading.load(["aiot-mqtt-gateway", "aiot-broker"], [], NO_UNITS, "")
    assert gateway.fault.startswith("--mqtt-ca: ")
    assert broker.subject is not None
    assert not broker.subject.expected
    (up,) = loading.load(["aiot up"], [], NO_UNITS, "")
    assert up.fault.startswith("--mqtt-ssl is for an MQTT broker of your own")


def test_what_would_be_waited_for_is_not_opened(tmp_path: Path) -> None:
    """As another user's service can name it, to a doctor that is root."""
    os.mkfifo(tmp_path / "pipe")
    for arguments, option in (
        (("--config", str(tmp_path / "pipe")), "--config"),
        (("--config=pipe",), "--config"),
        (("--actuation-map", str(tmp_path / "pipe")), "--actuation-map"),
    ):
        process = Running(7, 4711, "aiot-broker", arguments, {}, str(tmp_path), 1024)
        (loaded,) = loading.load(["aiot-broker"], [process], NO_UNITS, "")
        assert loaded.fault == f"{option}: {tmp_path}/pipe is no ordinary file, and is not looked at"


@pytest.mark.skipif(os.getuid() != 0, reason="root alone may read what others may not")
async def test_a_password_goes_out_only_if_who_runs_the_gateway_may_read_it(tmp_path: Path) -> None:
    """Else any user could have root tell any file to any host."""
    (tmp_path / "roots").write_text("private\n")
    (tmp_path / "roots").chmod(0o600)
    arguments = ("--mqtt-host=127.0.0.1", "--mqtt-port=1", "--mqtt-user=x", f"--mqtt-password-file={tmp_path}/roots")
    for uid, found in ((61_234, "mqtt.account"), (os.getuid(), "mqtt.connect")):
        rights = read_rights(f"Name:\tpython\nUid:\t0\t{uid}\t0\t0\nGid:\t0\t{uid}\t0\t0\nGroups:\t\n")
        process = Running(7, uid, "aiot-mqtt-gateway", arguments, {"HOME": "/"}, "/", 1024, rights)
        loaded = loading.load(["aiot-mqtt-gateway"], [process], NO_UNITS, "")
        host = Host([process], NO_UNITS, Network([], True), loaded, [])
        findings = await ask(host, [], {})
        assert found in {each.check for each in findings}
        assert os.geteuid() == 0
