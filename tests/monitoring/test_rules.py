# SPDX-License-Identifier: BSD-3-Clause
"""What is in monitoring/: rules that Prometheus takes and that do what they say, a dashboard that is current."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from pyaiot.monitoring.exposition import render
from tests.monitoring.every_metric import every_family

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "monitoring"


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def promtool(*arguments: str, given: bytes = b"") -> str:
    """What it says; it has to be content."""
    ran = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, input=given)
    said = (ran.stdout + ran.stderr).decode()
    assert ran.returncode == 0, said
    return said


@pytest.mark.needs("promtool")
def test_rules_and_configuration_are_taken() -> None:
    promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")


@pytest.mark.needs("promtool")
def test_each_alert_fires_when_it_should_and_not_else() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")
    alerts = re.findall(r"alert: (\w+)", read("alerts.yml"))
    assert len(alerts) >= 15
    assert sorted(re.findall(r'alertname="(\w+)"', read("alerts_test.yml"))) == sorted(alerts)
    for part in ("summary: ", "description: >-"):
        assert read("alerts.yml").count(part) == len(alerts)


@pytest.mark.needs("promtool")
async def test_all_metrics_are_as_prometheus_wants_them() -> None:
    assert promtool("check", "metrics", given=render(every_family())) == ""


def test_metrics_that_are_asked_for_exist() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    for name in ("alerts.yml", "alerts_test.yml", "grafana-dashboard.json"):
        asked = set(re.findall(r"\b(?:aiot|process)_[a-z_]+[a-z]\b", read(name)))
        assert len(asked) > 10
        assert {each.removesuffix("_bucket") for each in asked} <= described


def test_panels_are_beside_each_other() -> None:
    panels = json.loads(read("grafana-dashboard.json"))["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_the_dashboard_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    made = runpy.run_path(str(FOLDER / "generate_dashboard.py"))["render"]()
    assert read("grafana-dashboard.json") == made, "run python monitoring/generate_dashboard.py"
