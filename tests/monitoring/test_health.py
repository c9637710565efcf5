# SPDX-License-Identifier: BSD-3-Clause
"""Whether a service can do its work, and how that is told; what is counted, as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyaiot.cli.health import line, parse, url_of
from pyaiot.monitoring.families import Family, Sample, by_label, counted, counter, gauge, labelled, merged
from pyaiot.monitoring.health import AWAY_OK_S, Health, document, link_health, of_all, worst
from pyaiot.monitoring.vitals import Lag
from pyaiot.mqtt_broker.counters import Counters
from pyaiot.options import ConfigurationError
from pyaiot.systemd.units import Installation, all_units

BROKER = "the broker at ws://b:8000/gw"


def test_a_link_may_be_away_for_a_while() -> None:
    facts = {"nodes": 3}
    assert link_health(BROKER, None, "", facts) == Health(facts=facts)
    assert link_health(BROKER, AWAY_OK_S - 0.1, "refused", facts) == Health(facts=facts)
    assert link_health(BROKER, AWAY_OK_S, "refused", facts) == Health(f"no session with {BROKER}: refused", 30.0, facts)


def test_one_fault_is_enough() -> None:
    well, ill = Health(facts={"a": 1}), Health("away", 40.0, {"b": 2})
    assert worst(well, ill) == Health("away", 40.0, {"a": 1, "b": 2}) == worst(ill, well)
    assert of_all({"x": well, "y": ill, "z": Health("gone", 90.0)}) == Health(
        "y: away; z: gone",
        90.0,
        {"x": {"status": "ok", "a": 1}, "y": {"status": "degraded", "b": 2}, "z": {"status": "degraded"}},
    )


def test_what_is_told() -> None:
    about = {"service": "aiot-coap-gateway", "version": "1.0", "since": "2026-01-01T00:00:00Z"}
    assert document(Health(facts={"nodes": 3}), **about) == {
        "status": "ok",
        "service": "aiot-coap-gateway",
        "version": "1.0",
        "nodes": 3,
    }
    ill = document(Health("away", 40.0), **about)
    assert ill == {"status": "degraded", "reason": "away", **about}
    assert line(ill, "http://x") == "degraded: away, since 2026-01-01T00:00:00Z: aiot-coap-gateway (version 1.0)"
    assert line({"status": "ok", "nodes": 3, "parts": {}}, "http://x") == "ok: http://x (nodes 3)"
    assert "\x1b" not in line({"status": "ok", "service": "\x1b[2J"}, "")


def test_an_answer_is_read_whatever_it_is() -> None:
    assert parse(b'HTTP/1.1 200 OK\r\n\r\n{"status": "ok"}') == {"status": "ok"}


def test_families_of_one_name_become_one() -> None:
    coap, mqtt = (list(labelled([gauge("up", "Up", value)], gateway=name)) for name, value in (("c", 1), ("m", 0)))
    assert merged([*coap, counter("n_total", "N", 5), *mqtt]) == [
        Family("up", "gauge", "Up", (Sample(1, (("gateway", "c"),)), Sample(0, (("gateway", "m"),)))),
        Family("n_total", "counter", "N", (Sample(5),)),
    ]
    [family] = labelled([by_label("w_total", "counter", "W", "outcome", {"ok": 2})], gateway="c")
    assert family.samples == (Sample(2, (("gateway", "c"), ("outcome", "ok"))),)


def test_counters_tell_themselves() -> None:
    told = {each.name: each for each in counted("aiot_mqtt_broker", Counters(logins=7))}
    assert told["aiot_mqtt_broker_logins_total"] == counter(
        "aiot_mqtt_broker_logins_total", "Clients that logged in", 7
    )
    assert list(counted("x", None)) == []


def test_lag_is_a_histogram() -> None:
    lag = Lag()
    for late_s in (-0.001, 0.0005, 0.001, 0.02, 60.0):
        lag.observe(late_s)
    family = lag.family()
    buckets = {dict(each.labels)["le"]: each.value for each in family.samples if each.suffix == "_bucket"}
    assert buckets == {
        "0.001": 3,
        "0.005": 3,
        "0.01": 3,
        "0.05": 4,
        "0.1": 4,
        "0.5": 4,
        "1.0": 4,
        "5.0": 4,
        "+Inf": 5,
    }
    assert [each.value for each in family.samples[-2:]] == [5, 60.0215]


def test_a_service_of_systemd_is_asked_where_its_unit_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AIOT_METRICS_PORT", "AIOT_BROKER_PORT", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pyaiot.doctor.probes.units.SYSTEM_UNITS", tmp_path)
    for name, text in all_units(Installation("/usr/bin", str(tmp_path))).items():
        (tmp_path / name).write_text(text)
    own = tmp_path / "aiot-coap-gateway.environment"
    (tmp_path / "environment").write_text("AIOT_BROKER_PORT=9000\nAIOT_METRICS_HOST=192.0.2.1\n")
    own.write_text("AIOT_METRICS_PORT='9102'\n")
    assert url_of("aiot-coap-gateway", []) == "http://192.0.2.1:9102/health"
    assert url_of(None, []) == "http://localhost:9000/health"
    with pytest.raises(ConfigurationError, match=r"AIOT_METRICS_PORT in .*/aiot-ws-gateway\.environment"):
        url_of("aiot-ws-gateway", [])
    own.unlink()
    own.mkdir()
    with pytest.raises(ConfigurationError, match=r"aiot-coap-gateway\.environment, which .* cannot be read"):
        url_of("aiot-coap-gateway", [])
    monkeypatch.setenv("AIOT_METRICS_PORT", "9103")
    assert url_of("aiot-coap-gateway", []) == "http://localhost:9103/health"
