# SPDX-License-Identifier: BSD-3-Clause
"""The way of an actuation: to its node at once, or, if it may wait, once the node is there (PROTOCOL.md 3.4)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from pyaiot.actuation import ActuationMap
from pyaiot.broker.actuations import Command, NotPossible, PlannedWrite, plan
from pyaiot.broker.addressees import OTHERS, Addressees
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Node
from pyaiot.broker.parked import REVOKED, Full, Parked, ParkedActuations
from pyaiot.broker.router import Router
from pyaiot.broker.sequence import WINDOW, WriteSequence
from pyaiot.broker.service_pace import ServicePace
from pyaiot.broker.writes import TTL_S, Outcome, Tell

log = logging.getLogger("pyaiot.broker")

#: What the answers to requests are counted by.
ANSWERS: Final = ("delivered", "waiting", "failed", "malformed", "denied", "busy")

Done = Callable[[tuple[PlannedWrite, ...], tuple[Outcome, ...], str], None]


class Desk(Protocol):
    """What actuations need of the hub."""

    directory: Directory
    router: Router

    @property
    def now(self) -> float:
        """Monotonic seconds."""

    def may_write(self, service: bytes | None) -> bool:
        """Whether the service, known by its token's digest, may write now. None: it needed no token."""

    def arm(self) -> None:
        """Something is due earlier than it was."""


class Dispatch:
    """All actuations of one broker."""

    def __init__(self, desk: Desk, actuations: ActuationMap, new_id: Callable[[], str]) -> None:
        self._desk = desk
        self._map = actuations.reversed()
        self.addressees = Addressees(desk.directory)
        self.parked = ParkedActuations(new_id)
        self.pace = ServicePace()
        self.answers = dict.fromkeys(ANSWERS, 0)

    def submit(self, command: Command, service: bytes | None, size: int, done: Done) -> Parked | None:
        """Carry ``command`` out: ``done`` is called exactly once, now or later, with writes, outcomes and uid.

        Or it is kept, and this is returned instead. Raises NotPossible: it is not carried out at all.
        """
        accounts = command.accounts
        addressee = self.addressees.find(command.device, command.transport, accounts)
        writes = plan(command, addressee.device, self._map)
        uid, now = addressee.uid, self._desk.now
        if command.ttl_s is not None and (not addressee.there or self.parked.has(uid)):
            try:
                parked = self.parked.park(
                    uid, writes, asked_by=service, size=size, ttl_s=command.ttl_s, now=now, accounts=accounts
                )
            except Full as full:
                raise NotPossible("busy", str(full)) from None
            log.info("Node %s: actuation %s waits for it, for %d s at most", uid, parked.id, command.ttl_s)
            self._desk.arm()
            return parked
        if not addressee.there and uid not in self._desk.directory.nodes:
            raise NotPossible("offline", "the device is not there (with a ttl the actuation would wait for it)")
        reserved = min(len(writes), WINDOW)
        if not self.pace.begin(service, reserved):
            raise NotPossible("busy", "too many writes of this service are under way")

        def over(outcomes: tuple[Outcome, ...]) -> None:
            self.pace.end(service, reserved)
            done(writes, outcomes, uid)

        until = now + (TTL_S if command.ttl_s is None else min(TTL_S, command.ttl_s))
        self._carry_out(uid, accounts, writes, service, until, over)
        return None

    def presence(self, node: Node, is_there: bool) -> None:
        """See ChangeFeed.on_presence."""
        if not is_there:
            self.addressees.departed(node.uid, node.protocol, node.account)
            return
        self.addressees.arrived(node.uid)
        if self.parked.node_is_there(node.uid):
            self._desk.arm()

    def next_deadline(self) -> float | None:
        """When :meth:`run_due` has something to do."""
        return self.parked.next_deadline()

    def run_due(self) -> None:
        """Carry out what waited for nodes that are there, and end what waited for too long."""
        for parked in self.parked.start(self._desk.now, self.addressees.is_there):
            until = min(self._desk.now + TTL_S, parked.expires_at)
            done = partial(self._finished, parked)
            self._carry_out(parked.uid, parked.accounts, parked.writes, parked.asked_by, until, done)

    def _finished(self, parked: Parked, outcomes: tuple[Outcome, ...]) -> None:
        self.parked.finish(parked, outcomes, self._desk.now)
        log.info("Node %s: actuation %s: %s", parked.uid, parked.id, parked.state)
        self._desk.arm()

    def _carry_out(
        self,
        uid: str,
        accounts: tuple[str, ...],
        writes: tuple[PlannedWrite, ...],
        service: bytes | None,
        until: float,
        done: Callable[[tuple[Outcome, ...]], None],
    ) -> None:
        """Write all of ``writes``, none of them begun or carried out after ``until``, nor begun for who may not.

        Nor for a device of another account, which may have come back as that node meanwhile.
        """

        def begin(write: PlannedWrite, tell: Tell) -> None:
            if not self._desk.may_write(service):
                tell(REVOKED)
            elif not self.addressees.is_of(uid, accounts):
                tell(Outcome("refused", OTHERS))
            else:
                self._desk.router.write(uid, write.resource, write.data, tell, until - self._desk.now)

        WriteSequence(writes, begin=begin, is_late=lambda: self._desk.now >= until, done=done).start()
