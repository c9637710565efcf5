# SPDX-License-Identifier: BSD-3-Clause
"""A measured figure, and the table of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """What was measured: ``samples`` of it, whose median is the figure.

    ``at_most`` and ``at_least`` are the target; a figure without one is told for orientation.
    """

    name: str
    samples: Sequence[float]
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    value: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", statistics.median(self.samples))

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing where there is no target."""
        if self.at_most is not None:
            return "met" if self.value <= self.at_most else "MISSED"
        if self.at_least is not None:
            return "met" if self.value >= self.at_least else "MISSED"
        return ""

    @property
    def target(self) -> str:
        """The target, spelled out."""
        if self.at_most is not None:
            return f"≤ {number(self.at_most)}"
        return "" if self.at_least is None else f"≥ {number(self.at_least)}"

    @property
    def spread(self) -> str:
        """Lowest and highest sample."""
        if len(self.samples) < 2:
            return ""
        return f"{number(min(self.samples))} – {number(max(self.samples))}"


def number(value: float) -> str:
    """Three digits or so, and thousands separated."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latencies(name: str, rounds: Sequence[Sequence[float]], p50_ms: float | None, p99_ms: float | None) -> list[Figure]:
    """Two figures, median and 99th percentile, of rounds of latencies in seconds."""
    note = f"{sum(map(len, rounds))} samples, worst {max(map(max, rounds)) * 1e3:.1f} ms"
    return [
        Figure(f"{name}, p50", [percentile(each, 0.5) * 1e3 for each in rounds], "ms", at_most=p50_ms),
        Figure(f"{name}, p99", [percentile(each, 0.99) * 1e3 for each in rounds], "ms", at_most=p99_ms, note=note),
    ]


HEAD = f"{'figure':52} {'median':>10} {'unit':8} {'target':>10}  {'':6}  {'spread':19}  note"


def row(figure: Figure) -> str:
    """A line of the table."""
    return (
        f"{figure.name:52} {number(figure.value):>10} {figure.unit:8} {figure.target:>10}  {figure.verdict:6}  "
        f"{figure.spread:19}  {figure.note}"
    ).rstrip()


def table(figures: Iterable[Figure]) -> str:
    """All lines, under their heads."""
    return "\n".join((HEAD, "─" * len(HEAD), *map(row, figures)))
