# SPDX-License-Identifier: BSD-3-Clause
"""A device may tell something in the very turn of the loop in which the session ends."""

from __future__ import annotations

import asyncio

from pyaiot.gateway.dial import BrokerAddress, Identity
from pyaiot.gateway.link import Link
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.keys import new_private_key


async def test_waking_a_link_whose_sender_was_just_cancelled() -> None:
    outbox, key = Outbox("0" * 16), new_private_key()
    link = Link(BrokerAddress("ws://localhost/gw"), Identity("coap", key, key.public), outbox, None)  # type: ignore[arg-type]
    sender = asyncio.create_task(link._wait(1, None))
    await asyncio.sleep(0)
    sender.cancel()
    outbox.append(b"{}", Kind.VALUE)
    link.wake()  # raised InvalidStateError, into the adapter that had told the value
    await asyncio.gather(sender, return_exceptions=True)
    assert sender.cancelled()
