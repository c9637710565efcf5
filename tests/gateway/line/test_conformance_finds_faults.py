# SPDX-License-Identifier: BSD-3-Clause
"""The tests of adapters find what is wrong: each adapter here has one fault, and the test that is named fails by it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from docs.examples import line_gateway
from docs.examples.line_gateway import LineAdapter
from docs.examples.line_world import LineWorld
from pyaiot.gateway.adapter import DeviceEvents, WriteFailed
from pyaiot.listening import bind
from pyaiot.options import ConfigurationError
from pyaiot.testing import gateway, recorder, robustness, running, world
from pyaiot.testing.conformance import AdapterConformance


class OpensAtOnce(LineAdapter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.early = bind("127.0.0.1", 0, "line")


class LeavesATask(LineAdapter):
    async def start(self, events: DeviceEvents) -> None:
        await super().start(events)
        self.task = asyncio.create_task(asyncio.sleep(30), name="forgotten")


class LeavesItsPort(LineAdapter):
    kept: ClassVar[list[asyncio.Server]] = []

    async def stop(self) -> None:
        self.kept += self._servers
        self._servers = []
        await super().stop()


class CannotStopTwice(LineAdapter):
    async def stop(self) -> None:
        await super().stop()
        del self._servers


class GivesNoAdvice(LineAdapter):
    async def start(self, events: DeviceEvents) -> None:
        try:
            await super().start(events)
        except ConfigurationError as error:
            raise OSError("no") from error


class StopsSlowly(LineAdapter):
    async def stop(self) -> None:
        await asyncio.sleep(1.1)
        await super().stop()


class TellsAfterStop(LineAdapter):
    async def stop(self) -> None:
        events, devices = self._events, list(self._devices)
        await super().stop()
        if events is not None:
            asyncio.get_running_loop().call_soon(lambda: [events.gone(uid, "closed") for uid in devices])


class NeverGone(LineAdapter):
    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        if not line.endswith(b" bye\n"):
            await super()._take(events, line, writer)

    async def _serve(self, events: DeviceEvents, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await super()._serve(_NeverGone(events), reader, writer)


class _NeverGone:
    def __init__(self, events: DeviceEvents) -> None:
        self._events = events

    def gone(self, uid: str, why: str) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)


class Reorders(LineAdapter):
    """Tells value 7 after value 8."""

    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        if not line.endswith(b".7\n"):
            await super()._take(events, line, writer)
        if line.endswith(b".8\n"):
            await super()._take(events, line.replace(b".8\n", b".7\n"), writer)


class DropsWhenCrowded(LineAdapter):
    async def _serve(self, events: DeviceEvents, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if events.crowded:
                await events.room()
            else:
                await self._take(events, line, writer)


class EndsAtNonsense(LineAdapter):
    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            line.decode()
        except UnicodeDecodeError:
            for server in self._servers:
                server.close()
        await super()._take(events, line, writer)


class DiscoverRaises(LineAdapter):
    async def discover(self, uid: str) -> None:
        self._devices[uid].write(b"?\n")


class BelievesAtOnce(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        writer = self._devices.get(uid)
        if writer is None:
            raise WriteFailed("offline", "not connected")
        writer.write(f"{uid} {resource} {line_gateway.spell(data)}\n".encode())


class WriteRaises(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        self._devices[uid]
        await super().write(uid, resource, data)


class OwnCode(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        try:
            await super().write(uid, resource, data)
        except WriteFailed as failed:
            raise WriteFailed("busy", failed.reason) from None  # type: ignore[arg-type]


class CannotBeCut(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        with suppress(asyncio.CancelledError):
            await super().write(uid, resource, data)


class SaysAnything(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        await super().write(uid, resource, str(data))


class MixesUp(LineAdapter):
    async def write(self, uid: str, resource: str, data: Any) -> None:
        await super().write(sorted(self._devices)[0], resource, data)


class ForgetsNothing(LineAdapter):
    def forget(self, uid: str) -> None: ...


class KeepsNames(LineAdapter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.names: set[str] = set()

    def forget(self, uid: str) -> None:
        self.names.add(uid)
        super().forget(uid)


class WelcomesBeforeItAsks(LineAdapter):
    def _seen(self, events: DeviceEvents, uid: str, writer: asyncio.StreamWriter) -> None:
        self._devices[uid] = writer
        super()._seen(events, uid, writer)


class GreetsAnew(LineAdapter):
    def _seen(self, events: DeviceEvents, uid: str, writer: asyncio.StreamWriter) -> None:
        events.gone(uid, "closed")
        super()._seen(events, uid, writer)


class BearsAGrudge(LineAdapter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gone: set[str] = set()

    def forget(self, uid: str) -> None:
        self.gone.add(uid)
        super().forget(uid)

    def _seen(self, events: DeviceEvents, uid: str, writer: asyncio.StreamWriter) -> None:
        if uid not in self.gone:
            super()._seen(events, uid, writer)


class EndsAtRefusal(LineAdapter):
    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        await super()._take(_EndsAtRefusal(events, self), line, writer)


class _EndsAtRefusal:
    def __init__(self, events: DeviceEvents, adapter: LineAdapter) -> None:
        self._events = events
        self._adapter = adapter

    def updated(self, uid: str, resource: str, data: Any) -> None:
        try:
            self._events.updated(uid, resource, data)
        except Exception:
            for task in self._adapter._connections:
                task.cancel()
            for server in self._adapter._servers:
                server.close()
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)


class TakesAnyWord(LineAdapter):
    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        await super()._take(events, line, writer)
        for (uid, resource), expected in list(self._confirmations._waiting.items()):
            if line.startswith(f"{uid} {resource} ".encode()):
                self._confirmations.reported(uid, resource, expected[0].data)


class WaitsForTheSilent(LineAdapter):
    async def stop(self) -> None:
        await asyncio.wait(self._connections, timeout=3.0) if self._connections else None
        await super().stop()


class ReadsNothing(LineAdapter):
    async def read(self, uid: str, resource: str) -> None:
        if uid not in self._devices:
            raise WriteFailed("offline", "not connected")


class ReadRaises(LineAdapter):
    async def read(self, uid: str, resource: str) -> None:
        self._devices[uid]
        await super().read(uid, resource)


class ReadsAnything(LineAdapter):
    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        await super()._take(events, line, writer)
        for uid, waiting in list(self._questions._waiting.items()):
            if line.startswith(f"{uid} ".encode()):
                for _, told in waiting:
                    told()


class CannotCutReads(LineAdapter):
    async def read(self, uid: str, resource: str) -> None:
        with suppress(asyncio.CancelledError):
            await super().read(uid, resource)


class ReadsAnother(LineAdapter):
    async def read(self, uid: str, resource: str) -> None:
        await super().read(sorted(self._devices)[0], resource)


def test_every_test_is_here() -> None:
    """But those that line devices cannot fail, or that fail by what is shown for others."""
    shown = {test for _, test in FAULTS}
    missing = {name for name in dir(AdapterConformance) if name.startswith("test_")} - shown
    assert missing <= {
        "test_a_reboot_forgets_the_values",
        "test_a_write_to_a_device_that_goes_does_not_hang",
        "test_discover_can_be_cut_short",
    }


FAULTS = [
    (OpensAtOnce, "test_a_constructor_opens_nothing"),
    (LeavesATask, "test_stop_without_start_and_stop_twice_do_no_harm"),
    (CannotStopTwice, "test_stop_without_start_and_stop_twice_do_no_harm"),
    (LeavesItsPort, "test_its_port_is_free_again_behind_it"),
    (GivesNoAdvice, "test_a_taken_port_is_one_line_of_advice"),
    (StopsSlowly, "test_stop_takes_no_longer_than_it_may_whatever_is_under_way"),
    (TellsAfterStop, "test_nothing_is_reported_after_stop"),
    (NeverGone, "test_a_device_comes_reports_and_goes"),
    (Reorders, "test_values_come_in_order"),
    (DropsWhenCrowded, "test_a_crowded_gateway_loses_nothing"),
    (EndsAtNonsense, "test_1_000_hostile_inputs_stop_nothing"),
    (DiscoverRaises, "test_discover_returns_and_never_raises"),
    (BelievesAtOnce, "test_a_confirmed_write_is_true"),
    (BelievesAtOnce, "test_a_write_that_is_not_answered_is_never_taken_for_done"),
    (WriteRaises, "test_what_is_not_there_is_offline"),
    (OwnCode, "test_what_is_not_there_is_offline"),
    (CannotBeCut, "test_a_write_that_is_not_answered_can_be_cut_short"),
    (SaysAnything, "test_what_the_protocol_cannot_say_is_unsupported"),
    (MixesUp, "test_many_writes_at_once_have_each_their_own_outcome"),
    (ReadsNothing, "test_a_read_brings_what_the_device_says_now"),
    (ReadRaises, "test_what_is_not_there_cannot_be_read"),
    (ReadsAnything, "test_a_read_that_is_not_answered_can_be_cut_short"),
    (CannotCutReads, "test_a_read_of_a_device_that_goes_does_not_hang"),
    (ReadsAnother, "test_many_reads_at_once_have_each_their_own_outcome"),
    (ForgetsNothing, "test_a_forgotten_device_is_offline_until_it_shows_itself"),
    (WelcomesBeforeItAsks, "test_a_full_gateway_lets_nobody_new_in_and_goes_on"),
    (WelcomesBeforeItAsks, "test_what_no_device_can_be_called_is_no_node"),
    (GreetsAnew, "test_a_device_that_says_hello_again_is_not_new"),
    (BearsAGrudge, "test_a_device_that_was_gone_comes_again"),
    (EndsAtRefusal, "test_a_refused_value_is_no_end"),
    (EndsAtRefusal, "test_a_fault_of_the_gateway_ends_nothing_else"),
    (TakesAnyWord, "test_a_refused_write_is_refused"),
    (WaitsForTheSilent, "test_stop_ends_connections_that_have_said_nothing"),
    (KeepsNames, "test_memory_does_not_grow_by_devices_that_come_and_go"),
]


@pytest.mark.one_loop
@pytest.mark.parametrize(("faulty", "test"), FAULTS, ids=[f"{faulty.__name__}-{test}" for faulty, test in FAULTS])
async def test_a_faulty_adapter_fails(
    faulty: type[LineAdapter], test: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for module in (gateway, recorder, robustness, running, world):
        monkeypatch.setattr(module, "WAIT_S", 1.0)
    monkeypatch.setattr(gateway, "AGAIN_S", 0.3)
    monkeypatch.setattr(running, "TEST_S", 60.0)
    monkeypatch.setattr(robustness, "ROUNDS", 2)
    tasks = asyncio.all_tasks()

    class Faulty(LineWorld):
        def adapter(self, port: int = 0) -> LineAdapter:
            return faulty(host="127.0.0.1", port=port)

    class Tests(AdapterConformance):
        def make_world(self) -> LineWorld:
            return Faulty()

    try:
        with pytest.raises((AssertionError, AttributeError, OSError, ConfigurationError)):
            await getattr(Tests(), test)()
    finally:
        left = asyncio.all_tasks() - tasks
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for server in LeavesItsPort.kept:
            server.close()
        LeavesItsPort.kept.clear()
