# SPDX-License-Identifier: BSD-3-Clause
"""The link to the broker over real sockets, against a broker that the test conducts."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from pyaiot.gateway import uplink as uplink_module
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkTimes
from pyaiot.gateway.link import MAX_IN_FLIGHT
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.gateway.uplink import Uplink
from pyaiot.keys import new_private_key
from pyaiot.wire import codec, handshake
from pyaiot.wire.messages import BrokerFrame, BrokerMessage, Seen, Write
from pyaiot.wire.messages import Refused as RefusedByBroker
from tests.gateway.broker_by_hand import GATEWAY_KEY, KEY, BrokerSession, broker, well
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S, TRIES

#: A time that no test outlasts: what would wait for it does not come.
NEVER_S = 60 * PATIENCE_S
QUICK = LinkTimes(ping_interval_s=5.0, close_s=0.5)


class Recorder:
    """Stands where the gateway is."""

    def __init__(self) -> None:
        self.sessions = 0
        self.ended = 0
        self.heard: asyncio.Queue[BrokerMessage] = asyncio.Queue()

    def session_began(self, features: frozenset[str]) -> None:
        self.sessions += 1

    def session_ended(self) -> None:
        self.ended += 1

    def refill(self) -> None:
        pass

    def broker_says(self, message: BrokerMessage) -> None:
        self.heard.put_nowait(message)


class Running:
    """An uplink that runs, with what is around it."""

    def __init__(self, url: str, times: LinkTimes, random: Callable[[], float]) -> None:
        self.outbox = Outbox("0123456789abcdef")
        self.host = Recorder()
        identity = Identity("greenhouse", GATEWAY_KEY, KEY.public)
        self.uplink = Uplink(BrokerAddress(url, None, times), identity, self.outbox, self.host, random=random)
        self.count = 0

    def tell(self, count: int = 1) -> None:
        """Append messages and wake the link after each, as the service does."""
        for _ in range(count):
            self.count += 1
            self.outbox.append(codec.encode(Seen(uid="n", at=self.count)), Kind.VALUE)
            self.uplink.wake()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def uplink(
    url: str, times: LinkTimes = QUICK, random: Callable[[], float] = lambda: 0.05
) -> AsyncIterator[Running]:
    running = Running(url, times, random)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.uplink.run())
        try:
            yield running
        finally:
            task.cancel()
    assert running.host.sessions == running.host.ended


def count(number: int) -> Callable[[list[Any]], bool]:
    return lambda messages: len(messages) >= number


async def test_what_is_told_arrives_with_its_ids_and_is_forgotten_when_acknowledged() -> None:
    async with broker() as by_hand, uplink(by_hand.url) as running:
        running.tell(3)
        session = await by_hand.session()
        await session.has(count(3))
        assert session.messages == [(n, {"type": "seen", "uid": "n", "at": n}) for n in (1, 2, 3)]
        await running.until(lambda: len(running.outbox) == 0)


async def test_what_the_broker_says_is_heard() -> None:
    async with broker() as by_hand, uplink(by_hand.url) as running:
        session = await by_hand.session()
        await running.until(lambda: running.uplink.connected)
        write = Write(id=1, uid="n", resource="led", data={"x": [1, None]}, ttl_ms=1000)
        refused = RefusedByBroker(uid="n", reason="no")
        await session.say(write, refused)
        assert [await running.host.heard.get(), await running.host.heard.get()] == [write, refused]


async def test_nothing_secret_or_signed_is_sent_before_the_broker_proved_to_be_ours() -> None:
    other = new_private_key()

    async def impostor(session: BrokerSession) -> None:
        await session.connection.send(handshake.make_hello(other.public, secrets.token_bytes(32)))
        with pytest.raises(Exception, match="4401"):
            await session.connection.recv()

    async with broker(impostor, well) as by_hand, uplink(by_hand.url) as running:
        first = await by_hand.session()
        assert await first.closed() == 4401
        await by_hand.session()
        await running.until(lambda: running.uplink.connected)


# What is wrong with a broker's handshake. Each is followed by a well-behaved session.


async def hello_too_long(session: BrokerSession) -> None:
    await session.connection.send(handshake.make_hello(KEY.public, secrets.token_bytes(32)) + " " * 5000)
    await session.connection.wait_closed()


async def hello_binary(session: BrokerSession) -> None:
    await session.connection.send(b"\x00" * 100)
    await session.connection.wait_closed()


async def hello_garbage(session: BrokerSession) -> None:
    await session.connection.send("[" * 4000)
    await session.connection.wait_closed()


async def hello_larger_than_any_frame(session: BrokerSession) -> None:
    await session.connection.send("x" * 100_000)
    await session.connection.wait_closed()


async def hello_never(session: BrokerSession) -> None:
    await session.connection.wait_closed()


async def welcome_never(session: BrokerSession) -> None:
    await session.connection.send(handshake.make_hello(KEY.public, secrets.token_bytes(32)))
    await session.connection.wait_closed()


async def welcome_unsigned(session: BrokerSession) -> None:
    await session.connection.send(handshake.make_hello(KEY.public, secrets.token_bytes(32)))
    await session.connection.recv()
    await session.connection.send('{"type":"welcome","ack":0}')
    await session.connection.wait_closed()


async def welcome_replayed(session: BrokerSession) -> None:
    """Signed by the broker, but for another session."""
    key = new_private_key()
    old = handshake.make_hello(KEY.public, secrets.token_bytes(32))
    answer = handshake.answer_hello(old, key=key, name="g", broker=KEY.public, nonce=bytes(32), epoch="0" * 16)
    recorded = handshake.make_welcome(handshake.accept_auth(old, answer.auth, KEY, lambda name: key.public), 0)
    await session.connection.send(handshake.make_hello(KEY.public, secrets.token_bytes(32)))
    await session.connection.recv()
    await session.connection.send(recorded)
    await session.connection.wait_closed()


async def welcome_of_the_future(session: BrokerSession) -> None:
    await session.begin(ack=1_000_000)
    await session.connection.wait_closed()


async def closes_at_once(session: BrokerSession) -> None:
    await session.connection.close(1013, "later")


async def breaks_at_once(session: BrokerSession) -> None:
    session.connection.transport.abort()


@pytest.mark.parametrize(
    ("bad", "code", "reason"),
    [
        (hello_too_long, 4401, "hello is too long"),
        (hello_binary, 4400, "not a text message"),
        (hello_garbage, 4401, "hello: "),
        (hello_larger_than_any_frame, 1009, ""),
        (hello_never, 1001, "did not finish the handshake"),
        (welcome_never, 1001, "did not finish the handshake"),
        (welcome_unsigned, 4401, "welcome: no signature"),
        (welcome_replayed, 4401, "welcome: signature"),
        (welcome_of_the_future, 4400, "acknowledged message 1000000"),
        (closes_at_once, 1013, "1013 later"),
        (breaks_at_once, 1006, "the connection broke"),
    ],
)
async def test_a_handshake_that_fails_is_told_and_tried_again(
    bad: Callable[[BrokerSession], Awaitable[None]], code: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyaiot.gateway")
    times = replace(QUICK, handshake_s=0.3)
    async with broker(bad, well) as by_hand, uplink(by_hand.url, times) as running:
        running.tell()
        first = await by_hand.session()
        assert await first.closed() == code
        second = await by_hand.session()
        await second.has(count(1))
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert reason in told[0].getMessage()
    assert "with 1 messages waiting" in caplog.records[-1].getMessage()


async def test_a_key_that_is_not_admitted_is_an_error_that_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    async def refusing(session: BrokerSession) -> None:
        await session.connection.send(handshake.make_hello(KEY.public, secrets.token_bytes(32)))
        await session.connection.recv()
        await session.connection.close(4401, "not authenticated")

    async with broker(refusing, refusing, refusing, well) as by_hand, uplink(by_hand.url) as running:
        await running.until(lambda: running.uplink.connected)
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert told.levelno == logging.ERROR
    assert f"aiot-generate-keys --authorize greenhouse {GATEWAY_KEY.public}" in told.getMessage()


# What is wrong with a broker's frames.


async def a_flipped_bit(session: BrokerSession) -> None:
    assert session.session is not None
    text = session.session.sealer.seal(codec.encode(BrokerFrame(ack=0)))
    await session.connection.send(text[:-2] + chr(ord(text[-2]) ^ 1) + text[-1])


async def a_replay(session: BrokerSession) -> None:
    assert session.session is not None
    text = session.session.sealer.seal(codec.encode(BrokerFrame(ack=0)))
    await session.connection.send(text)
    await session.connection.send(text)


async def a_binary_message(session: BrokerSession) -> None:
    await session.connection.send(b"x")


async def no_json(session: BrokerSession) -> None:
    await session.send_raw(b"[" * 10_000)


async def an_unknown_message(session: BrokerSession) -> None:
    await session.send_raw(b'{"messages":[{"type":"explode"}]}')


async def an_ack_of_what_was_never_sent(session: BrokerSession) -> None:
    await session.send_raw(b'{"ack":7}')


@pytest.mark.parametrize(
    "bad", [a_flipped_bit, a_replay, a_binary_message, no_json, an_unknown_message, an_ack_of_what_was_never_sent]
)
async def test_one_bad_frame_ends_the_session_and_nothing_else(
    bad: Callable[[BrokerSession], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    async def behaviour(session: BrokerSession) -> None:
        await session.begin()
        await bad(session)
        await session.serve(acknowledge=False)

    async with broker(behaviour, well) as by_hand, uplink(by_hand.url) as running:
        running.tell(2)
        assert await (await by_hand.session()).closed() == 4400
        running.tell()
        second = await by_hand.session()
        await second.has(count(3))
        assert [number for number, _ in second.messages] == [1, 2, 3]
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.ERROR]


async def test_a_message_longer_than_a_frame_may_be_ends_the_session() -> None:
    async def behaviour(session: BrokerSession) -> None:
        await session.begin()
        await session.send_raw(b'{"messages":[' + b" " * 70_000 + b"]}")
        await session.serve()

    async with broker(behaviour, well) as by_hand, uplink(by_hand.url) as running:
        assert await (await by_hand.session()).closed() == 1009
        await by_hand.session()
        await running.until(lambda: running.uplink.connected)


async def test_a_new_session_goes_on_after_what_the_broker_kept() -> None:
    async def half(session: BrokerSession) -> None:
        await session.begin()
        serving = asyncio.create_task(session.serve(acknowledge=False))
        await session.has(count(5))
        await session.acknowledge(2)
        session.connection.transport.abort()
        await serving

    async def rest(session: BrokerSession) -> None:
        session.ack = 3  # applied, but the word of it was lost
        await well(session)

    async with broker(half, rest) as by_hand, uplink(by_hand.url) as running:
        running.tell(5)
        await by_hand.session()
        second = await by_hand.session()
        running.tell()
        await second.has(count(3))
        assert [number for number, _ in second.messages] == [4, 5, 6]
        await running.until(lambda: len(running.outbox) == 0)


async def test_one_that_is_replaced_says_so_once_and_stays_away(caplog: pytest.LogCaptureFixture) -> None:
    async def replaced(session: BrokerSession) -> None:
        await session.begin()
        await session.connection.close(4409, "replaced by a newer session")

    async with broker(replaced) as by_hand, uplink(by_hand.url, random=lambda: 0.0) as running:
        await by_hand.session()
        await running.until(lambda: running.uplink.losses == 1)
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert told.levelno == logging.ERROR
    assert "--gateway-name" in told.getMessage()
    delay = re.search(r"next try in (\d+) s", told.getMessage())
    assert delay is not None
    assert int(delay[1]) >= 30


async def test_a_broker_that_stops_reading_and_answering_is_noticed() -> None:
    async def deaf(session: BrokerSession) -> None:
        await session.begin()
        session.connection.transport.pause_reading()
        await session.connection.wait_closed()

    times = replace(QUICK, ping_interval_s=0.1, ping_timeout_s=0.2, close_s=0.2)
    async with broker(deaf, well) as by_hand, uplink(by_hand.url, times) as running:
        await by_hand.session()
        await running.until(lambda: running.uplink.connected)
        await by_hand.session()
        running.tell()
        await running.until(lambda: len(running.outbox) == 0)  # by whichever session: a slow machine loses some


async def test_a_broker_that_stops_reading_while_there_is_much_to_send_is_noticed_too() -> None:
    """The library's own keepalive never notices this one: its ping waits for the write buffer for ever."""

    async def deaf(session: BrokerSession) -> None:
        await session.begin()
        session.connection.transport.pause_reading()
        await session.connection.wait_closed()

    times = replace(QUICK, ping_interval_s=0.2, ping_timeout_s=0.3, close_s=0.2)
    async with broker(deaf, well) as by_hand, uplink(by_hand.url, times) as running:
        for _ in range(400):  # more than the buffers of both sockets
            running.outbox.append(b'{"type":"seen","uid":"n","at":1,"x":"%b"}' % (b"x" * 50_000), Kind.STATE)
        first = await by_hand.session()
        await running.until(lambda: running.uplink.losses == 1)
        assert len(running.outbox) == 400
        first.connection.transport.abort()


async def test_a_broker_that_acknowledges_nothing_is_left() -> None:
    async def stuck(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    times = replace(QUICK, ping_interval_s=0.1, acknowledge_s=0.3)
    async with broker(stuck, well) as by_hand, uplink(by_hand.url, times) as running:
        running.tell()
        await by_hand.session()
        second = await by_hand.session()
        await second.has(count(1))


async def test_no_more_is_in_flight_than_the_window_allows() -> None:
    async def silent(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    async with broker(silent) as by_hand, uplink(by_hand.url) as running:
        running.tell(MAX_IN_FLIGHT + 1000)
        session = await by_hand.session()
        await session.has(count(MAX_IN_FLIGHT))
        assert running.outbox.waiting == 1000
        await session.acknowledge(600)
        await session.has(count(MAX_IN_FLIGHT + 600))


async def test_an_idle_link_sends_at_once_and_a_busy_one_in_batches() -> None:
    """That it does not wait when it is idle is seen in the next test, whose pauses never end."""
    times = replace(QUICK, small_pause_s=0.5, busy_pause_s=0.5)
    async with broker() as by_hand, uplink(by_hand.url, times) as running:
        session = await by_hand.session()
        await running.until(lambda: running.uplink.connected)
        began = time.monotonic()
        running.tell()
        await session.has(count(1))
        for _ in range(50):
            running.tell()
            await asyncio.sleep(0)
        await session.has(count(51))
        assert time.monotonic() - began >= 0.5
        assert session.frames[0] == 1
        assert len(session.frames) <= 1 + TRIES, "one batch, or a few where this process was held up in between"


async def test_a_full_frame_does_not_wait() -> None:
    times = replace(QUICK, small_pause_s=NEVER_S, busy_pause_s=NEVER_S)
    async with broker() as by_hand, uplink(by_hand.url, times) as running:
        session = await by_hand.session()
        await running.until(lambda: running.uplink.connected)
        running.tell()
        await session.has(count(1))
        for _ in range(600):
            running.tell()
            await asyncio.sleep(0)
        await session.has(count(513))
        assert session.frames == [1, 256, 256]


async def test_PB_07_whatever_keeps_the_broker_away_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    answers = [HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_FOUND]

    def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(answers.pop(0), "go away\n") if answers else None

    async with broker(process_request=refuse) as by_hand, uplink(by_hand.url) as running:
        running.tell()
        session = await by_hand.session()
        await session.has(count(1))
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.WARNING]
    assert "HTTP 401 Unauthorized: go away" in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ws://127.0.0.1:1/gw", "Connect call failed|refused"),
        ("ws://no-such-host.invalid/gw", "known|resolution|address"),
        ("ws://[::1]:1/gw", "Connect call failed|refused|assign"),
        ("not a url", "isn't a valid URI"),
    ],
)
async def test_PB_07_no_address_that_leads_nowhere_ends_the_gateway(
    url: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with uplink(url) as running:
        await running.until(lambda: running.uplink.losses >= 3)
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert re.search(reason, told.getMessage())
    assert "\n" not in told.getMessage()


async def test_PB_07_a_server_that_does_not_speak_tls_or_our_protocol_is_no_broker() -> None:
    async with broker(subprotocols=None) as by_hand:
        async with uplink(by_hand.url) as running:
            await running.until(lambda: running.uplink.losses >= 2)
        async with uplink(by_hand.url.replace("ws:", "wss:")) as running:
            await running.until(lambda: running.uplink.losses >= 2)


async def test_PB_07_a_server_that_never_answers_is_given_up() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, uplink(f"ws://127.0.0.1:{port}/gw", replace(QUICK, open_s=0.1)) as running:
        await running.until(lambda: running.uplink.losses >= 2)


async def test_PY_GW_1_loud_when_the_broker_is_lost_and_quiet_until_it_is_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "pyaiot.gateway")
    async with broker(port=lasting_port()) as by_hand, uplink(by_hand.url) as running:
        running.tell()
        await running.until(lambda: running.uplink.sessions == 1 and len(running.outbox) == 0)
        port = by_hand.port
        session = await by_hand.session()
        # The broker is gone, and its port with it.
        caplog.clear()
        await by_hand.stop()
        await session.closed()
        await running.until(lambda: running.uplink.losses >= 4)
        away_s, trouble = running.uplink.away_s(), running.uplink.trouble
        assert away_s is not None
        assert away_s > 0
        assert trouble != ""
        # What keeps it away is told once, where that is no restart.
        monkeypatch.setattr(uplink_module, "STILL_AWAY_S", 0.0)
        await running.until(lambda: running.uplink.losses >= 8)
        running.tell(5)
        async with broker(port=port) as again:
            second = await again.session()
            await second.has(count(5))
            assert (running.uplink.away_s(), running.uplink.trouble) == (None, "")
    levels = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in levels] == [logging.WARNING, logging.WARNING, logging.INFO]
    assert "Lost the broker" in levels[0][1]
    assert re.search(r"Still no broker at .* after \d+ s: ", levels[1][1])
    assert re.search(r"after \d+\.\d s, with 5 messages waiting", levels[2][1])


async def test_PY_CLI_10_PB_33_at_the_end_everything_is_told_and_the_session_closed() -> None:
    async def slow(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    async with broker(slow) as by_hand:
        async with uplink(by_hand.url, replace(QUICK, small_pause_s=NEVER_S, busy_pause_s=NEVER_S)) as running:
            session = await by_hand.session()
            await running.until(lambda: running.uplink.connected)
            running.tell()
            await session.has(count(1))
            running.tell(10)
            draining = asyncio.create_task(running.uplink.drain())
            await session.has(count(11))
            assert not draining.done()
            await session.acknowledge(11)
            async with asyncio.timeout(PATIENCE_S):
                await draining
        assert await session.closed() == 1001


async def test_draining_does_not_wait_for_a_broker_that_is_not_there_or_goes() -> None:
    async with uplink("ws://127.0.0.1:1/gw") as running:
        running.tell()
        async with asyncio.timeout(PATIENCE_S):
            await running.uplink.drain()

    async def leaving(session: BrokerSession) -> None:
        await session.begin()
        serving = asyncio.create_task(session.serve(acknowledge=False))
        await session.has(count(1))
        await session.connection.close(1001)
        await serving

    async with broker(leaving) as by_hand, uplink(by_hand.url) as running:
        await running.until(lambda: running.uplink.connected)
        running.tell()
        async with asyncio.timeout(PATIENCE_S):
            await running.uplink.drain()


async def test_a_session_that_breaks_in_the_turn_of_the_cancellation_does_not_undo_it() -> None:
    """A TaskGroup of Python 3.11 does: it tells of the failure only, and the next session began."""

    class Cancelling(Recorder):
        def broker_says(self, message: BrokerMessage) -> None:
            task.cancel()
            raise RuntimeError("at the same time")

    async with broker() as by_hand:
        identity = Identity("greenhouse", GATEWAY_KEY, KEY.public)
        link = Uplink(BrokerAddress(by_hand.url, None, QUICK), identity, Outbox("0" * 16), Cancelling())
        task = asyncio.create_task(link.run())
        session = await by_hand.session()
        while not link.connected:
            await asyncio.sleep(0.002)
        await session.say(RefusedByBroker(uid="n", reason="no"))
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait((task,))
        assert task.cancelled()
