# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as plain data: what services tell of themselves, whoever writes it down. Pure.

Names follow Prometheus' conventions (prometheus.io/docs/practices/naming): base units, ``_total`` for what only grows.
No label has values that a peer can make up without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Literal

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. ``suffix``: what a histogram adds to the name (``_bucket``, ``_sum``, ``_count``)."""

    value: float
    labels: Labels = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. ``help`` is one sentence without a full stop."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...] = field(default=())


def gauge(name: str, help: str, value: float) -> Family:
    """What is now."""
    return Family(name, "gauge", help, (Sample(value),))


def counter(name: str, help: str, value: float) -> Family:
    """What happened since the start; ``name`` ends with ``_total``."""
    return Family(name, "counter", help, (Sample(value),))


def by_label(name: str, kind: Kind, help: str, label: str, values: Mapping[Any, float]) -> Family:
    """One sample for each value of ``label``, in the order of their names."""
    return Family(name, kind, help, tuple(Sample(value, ((label, key),)) for key, value in sorted(values.items())))


def counted(prefix: str, counters: Any) -> Iterator[Family]:
    """``<prefix>_<name>_total`` for each integer of a dataclass, with the words of its ``HELP``; nothing of others."""
    if not is_dataclass(counters) or isinstance(counters, type):
        return
    help: Mapping[str, str] = getattr(counters, "HELP", {})
    for name, value in asdict(counters).items():
        if isinstance(value, int):
            yield counter(f"{prefix}_{name}_total", help.get(name, name.replace("_", " ").capitalize()), value)


def labelled(families: Iterable[Family], **labels: str) -> Iterator[Family]:
    """The same, with ``labels`` before those of each sample."""
    first = tuple(labels.items())
    for family in families:
        yield replace(family, samples=tuple(replace(each, labels=(*first, *each.labels)) for each in family.samples))


def merged(families: Iterable[Family]) -> list[Family]:
    """One family for each name, with the samples of all, in the order of their first appearance.

    Of samples with the same labels, as two services tell of what they share, the first stays.
    """
    first: dict[str, Family] = {}
    samples: dict[str, dict[tuple[str, Labels], Sample]] = {}
    for family in families:
        first.setdefault(family.name, family)
        there = samples.setdefault(family.name, {})
        for sample in family.samples:
            there.setdefault((sample.suffix, sample.labels), sample)
    return [replace(family, samples=tuple(samples[name].values())) for name, family in first.items()]
