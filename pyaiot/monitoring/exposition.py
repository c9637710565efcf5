# SPDX-License-Identifier: BSD-3-Clause
"""Metrics in Prometheus' text format. Read lazily: prometheus-client costs a megabyte that only who is asked pays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pyaiot.monitoring.families import Family, merged

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Families(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            name = family.name.removesuffix("_total") if family.kind == "counter" else family.name
            suffix = "_total" if family.kind == "counter" else ""
            metric = Metric(name, family.help, family.kind)
            for sample in family.samples:
                metric.add_sample(name + (sample.suffix or suffix), dict(sample.labels), sample.value)
            yield metric


def render(families: Iterable[Family]) -> bytes:
    """The text for ``/metrics``; families of one name are told as one."""
    registry = CollectorRegistry()
    registry.register(_Families(merged(families)))
    return generate_latest(registry)
