# SPDX-License-Identifier: BSD-3-Clause
"""Writes ``grafana-dashboard.json``: ``python monitoring/generate_dashboard.py``; a test says when it is due.

What is drawn is in dashboard_rows.py; the rest is Grafana's dashboard model, as little of it as there can be. Every
expression is asked of a real Prometheus by tests/monitoring/test_prometheus.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dashboard_rows import ROWS, Panel, Stat

FILE = Path(__file__).parent / "grafana-dashboard.json"

#: Grafana's grid has 24 columns.
WIDTH = 8
HEIGHT = 7
STAT_WIDTH = 4
STAT_HEIGHT = 4
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def render() -> str:
    """The text of the file."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append(_place({"type": "row", "title": title, "collapsed": False, "panels": []}, 0, y, 24, 1))
        y += 1
        x = height = 0
        for each in row:
            width, tall = (STAT_WIDTH, STAT_HEIGHT) if isinstance(each, Stat) else (WIDTH, HEIGHT)
            if x + width > 24 or (x and tall != height):
                x, y = 0, y + height
            height = tall
            panels.append(_place(_stat(each) if isinstance(each, Stat) else _graph(each), x, y, width, tall))
            x += width
        y += height
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return json.dumps(_dashboard(panels), indent=1) + "\n"


def _dashboard(panels: list[dict[str, Any]]) -> dict[str, Any]:
    choice = {"name": "instance", "label": "Instance", "type": "query", "datasource": DATASOURCE, "refresh": 2}
    choice |= {"query": "label_values(aiot_build_info, instance)", "includeAll": True, "multi": True, "allValue": ".*"}
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "title": "pyaiot",
        "uid": "pyaiot",
        "tags": ["pyaiot"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source, choice | {"current": {"text": "All", "value": "$__all"}}]},
        "panels": panels,
    }


def _place(panel: dict[str, Any], x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return panel | {"gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _targets(queries: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [
        {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
        for number, (query, legend) in enumerate(queries)
    ]


def _graph(panel: Panel) -> dict[str, Any]:
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "targets": _targets(panel.queries),
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _stat(stat: Stat) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "red" if stat.low_is_red else "green", "value": None}]
    if stat.red is not None:
        steps.append({"color": "green" if stat.low_is_red else "red", "value": stat.red})
    return {
        "type": "stat",
        "title": stat.title,
        "datasource": DATASOURCE,
        "targets": _targets(((stat.query, ""),)),
        "fieldConfig": {
            "defaults": {"unit": stat.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
    }


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
    print(f"{FILE} written")
