# SPDX-License-Identifier: BSD-3-Clause
"""Looks at an MQTT broker as the MQTT gateway would: name, connection, TLS, login, the right to hear devices.

Nothing is published, and what is subscribed to is where no device speaks: below a name of the doctor's own.
It logs in by a client id of its own: with the gateway's the MQTT broker would end the gateway's connection (MQTT 3.1.1,
section 3.1.4).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import replace
from typing import Final

from pyaiot.addresses import is_loopback
from pyaiot.doctor.checks.mqtt import MqttFacts
from pyaiot.doctor.probes.bounded import STEP_S, reason_of, resolve
from pyaiot.gateway.mqtt import packets

#: How long the answer to CONNECT may take: our own MQTT broker lets who has a wrong password wait for 2 s.
CONNACK_S: Final = 3.0

#: User and password, and how to speak TLS.
Login = tuple[tuple[str | None, bytes | None], ssl.SSLContext | None]


async def look(
    host: str,
    port: int,
    account: tuple[str | None, bytes | None],
    tls: ssl.SSLContext | None,
    own: frozenset[str],
    expected: bool,
) -> MqttFacts:
    """``account``: user and password; ``own``: addresses of this host. Takes at most STEP_S + CONNACK_S."""
    deadline = asyncio.get_running_loop().time() + STEP_S
    user, password = account
    facts = MqttFacts(host=host, port=port, user=user or "", here=False, expected=expected, reached="resolve")
    try:
        addresses = await resolve(host)
    except TimeoutError as error:
        return replace(facts, fault=reason_of(error))
    if not addresses:
        return replace(facts, fault=f"there is no host {host}", expected=True)
    here = any(is_loopback(each) or each in own for each in addresses)
    facts = replace(facts, here=here, expected=expected or not here)
    try:
        async with asyncio.timeout_at(deadline):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    except ssl.SSLError as error:
        return replace(facts, reached="tls", fault=str(getattr(error, "verify_message", "") or error.reason or error))
    except (OSError, TimeoutError) as error:
        return replace(facts, reached="connect", fault=reason_of(error))
    try:
        async with asyncio.timeout(CONNACK_S):
            name = f"pyaiot-doctor-{secrets.token_hex(4)}"
            writer.write(packets.connect_once(name, user, password))
            answer = await reader.readexactly(4)
            if answer[0] != packets.CONNACK or answer[1] != 2:
                return replace(facts, reached="answer", fault="it does not speak MQTT 3.1.1")
            facts = replace(facts, reached="connack", code=answer[3])
            if facts.code == 0:
                facts = replace(facts, reached="suback", code=await _subscribed(reader, writer, f"node/{name}/#"))
        writer.write(packets.DISCONNECT)
        await writer.drain()
        writer.close()
        return facts
    except asyncio.IncompleteReadError:
        return replace(facts, reached="answer", fault="it hangs up without an answer")
    except (OSError, TimeoutError) as error:
        return replace(facts, reached="answer", fault=reason_of(error))
    finally:
        if not writer.is_closing():
            writer.transport.abort()


async def _subscribed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, topic_filter: str) -> int:
    """The return code of SUBACK; that of a refusal where it hangs up instead, as some do."""
    writer.write(packets.subscribe(1, (topic_filter,), qos=0))
    try:
        answer = await reader.readexactly(5)
    except (asyncio.IncompleteReadError, ConnectionError):
        return packets.SUBSCRIPTION_REFUSED
    return answer[4]
