# SPDX-License-Identifier: BSD-3-Clause
"""Where peers wait that are not to be read now."""

from __future__ import annotations

from pyaiot.broker.gate import Gate


async def test_all_who_wait_go_on_when_it_opens() -> None:
    gate = Gate()
    gate.open()  # nobody waits
    one, another = gate.shut(), gate.shut()
    assert gate.is_shut
    assert not one.done()
    gate.open()
    assert one.done()
    assert another.done()
    assert not gate.is_shut
    assert not gate.shut().done(), "that is another time"


async def test_one_whose_wait_was_cancelled_keeps_nobody_else_waiting() -> None:
    gate = Gate()
    gate.shut().cancel()
    assert not gate.is_shut
    later = gate.shut()
    assert not later.done()
    gate.open()
    assert later.done()
    assert not later.cancelled()
