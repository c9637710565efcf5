# SPDX-License-Identifier: BSD-3-Clause
"""A real Prometheus watches over a real ``aiot up --demo``: every question of dashboard and alerts is asked."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.process.conftest import Host
from tests.process.processes import ROOT
from tests.process.test_up import up

FOLDER = ROOT / "monitoring"
#: Panels for what is not there in the demo: TLS.
WITHOUT_DATA = {"Certificate holds for"}


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer; anything but success is told with what was asked."""
        return await asyncio.to_thread(self._get, path, parameters)

    async def until(self, query: str) -> None:
        """Wait until the query has a result."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (await self.get("query", query=query))["result"]:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no result: {query}") from None

    def _get(self, path: str, parameters: dict[str, str]) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert told["status"] == "success", told
        return told["data"]


async def start_prometheus(host: Host, folder: Path, broker_port: int) -> Prometheus:
    """One that scrapes the broker, by the project's own configuration but for port and pace."""
    configuration = (FOLDER / "prometheus.yml").read_text()
    assert "localhost:8000" in configuration
    configuration = configuration.replace("localhost:8000", f"localhost:{broker_port}").replace("15s", "1s")
    (folder / "prometheus.yml").write_text(configuration)
    (folder / "alerts.yml").write_text((FOLDER / "alerts.yml").read_text())
    process = await host.start_program(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        name="prometheus",
    )
    await process.says("ready to receive web requests")
    return Prometheus(f"http://{(await process.says(r'Listening on. address=(127[0-9.:]+)'))[1]}")


@pytest.mark.needs("prometheus")
async def test_every_panel_and_every_alert(host: Host, tmp_path: Path) -> None:
    process, _, port = await up(host, "--metrics-port", "0")
    prometheus = await start_prometheus(host, tmp_path, port)
    await prometheus.until(
        'rate(process_cpu_seconds_total{job="pyaiot"}[5s]) and on () sum(aiot_uplink_connected) == 4'
    )

    own = await process.port(r"Metrics and health at localhost port (\d+)")
    well = await host.run("aiot", "health", f"http://localhost:{own}/health")
    assert (well.code, well.err) == (0, "")
    assert re.fullmatch(r"ok: aiot-up \(version \S+\)\n", well.out)
    well = await host.run("aiot", "health", environment={"AIOT_BROKER_PORT": str(port)})
    assert well.code == 0
    about = r"version \S+, gateways 4, gateways away 0, nodes \d+, clients 0"
    assert re.fullmatch(rf"ok: aiot-broker \({about}\)\n", well.out)
    for arguments, code in ((("--service", "aiot-coap-gateway"), 78), (("http://localhost:1/health",), 1)):
        assert (await host.run("aiot", "health", *arguments)).code == code

    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    variable = dashboard["templating"]["list"][1]["query"]
    assert re.fullmatch(r"label_values\((\w+), instance\)", variable)
    assert len(await prometheus.get("label/instance/values", **{"match[]": "aiot_build_info"})) == 1
    asked = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "5s")
            assert "$" not in query
            if panel["title"] in WITHOUT_DATA:
                await prometheus.get("query", query=query)
            else:  # on a busy machine a scrape may have come too late, and the next brings what the query needs
                await prometheus.until(query)
            asked += 1
    assert asked > 100

    async with asyncio.timeout(PATIENCE_S):
        while True:
            [group] = (await prometheus.get("rules", type="alert"))["groups"]
            if all(rule["health"] != "unknown" for rule in group["rules"]):
                break
            await asyncio.sleep(0.1)
    assert {rule["name"]: rule["lastError"] for rule in group["rules"] if rule.get("lastError")} == {}
    # The services that run apart are not there, which is told after two minutes.
    firing = [alert["labels"] for rule in group["rules"] for alert in rule["alerts"] if alert["state"] == "firing"]
    assert [labels for labels in firing if labels.get("job") != "pyaiot-services"] == []
    await process.stop()
