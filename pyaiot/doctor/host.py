# SPDX-License-Identifier: BSD-3-Clause
"""What there is on this host: what runs, what is installed, what is set; and so, which services are examined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyaiot.doctor import loading, subjects
from pyaiot.doctor.checks.network import Network
from pyaiot.doctor.loading import Loaded
from pyaiot.doctor.probes import files, network, processes, units
from pyaiot.doctor.probes.processes import Running
from pyaiot.doctor.probes.units import Units
from pyaiot.doctor.subjects import Scope, Subject


@dataclass(frozen=True, slots=True)
class Host:
    """``loaded``: each service that is examined; ``left_out``: names of those with a key here that are not."""

    processes: list[Running]
    units: Units
    network: Network
    loaded: list[Loaded]
    left_out: list[str]

    @property
    def subjects(self) -> list[Subject]:
        """Those whose settings make sense."""
        return [each.subject for each in self.loaded if each.subject is not None]


def look_around(asked: Sequence[str], config: str) -> Host:
    """``asked``: names of services, or none; ``config``: a configuration file of what does not run, or empty."""
    running, installed = processes.running(), units.look()
    facts, _ = files.look_at_keys(loading.key_file_here(config), "", None)
    scope = Scope(
        asked=tuple(asked),
        running=frozenset(each.name for each in running),
        enabled=installed.enabled,
        has_broker=facts.broker is not None if facts.is_read else None,
        gateways=frozenset(facts.gateways),
    )
    chosen = subjects.choose(scope)
    loaded = loading.load(chosen, running, installed, config)
    return Host(running, installed, network.look(), loaded, subjects.not_examined(chosen, scope))
