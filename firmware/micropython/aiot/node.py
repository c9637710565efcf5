# SPDX-License-Identifier: BSD-3-Clause
"""A node: what it has, what it measured, what it does when written to, and what is still to be told.

Pure, but for the clock that it is given.

    node = Node("Greenhouse")
    node.value("temperature", 21.5, unit="Cel")

    @node.on_write("led")
    def led(value): ...

    @node.every(5000)
    def measure(): ...

    node.run("mqtt://192.168.1.10:1886")

What the user's functions raise is logged and counted, and ends nothing.
"""

from micropython import const

from aiot import clock, log, messages

#: A node has at most so many resources.
MAX_RESOURCES = const(32)


class Resource:
    """A readable or writable thing: its newest value as JSON text, and when it was measured (None: always true)."""

    def __init__(self, name):
        self.name = name
        self.text = None
        self.unit = None
        self.at = None
        self.handler = None
        #: Whether its newest value was told, or will be from the outbox.
        self.told = True


class Node:
    """``id``: the stable name of the board, by default from its hardware. ``keep``: how many values wait while the
    link is down. ``now``: gives milliseconds that never wrap."""

    def __init__(self, name, id=None, board=None, keep=64, now=None):
        from aiot.outbox import Outbox

        self.id = messages.check_name(_hardware_id() if id is None else id)
        self.now = clock.now if now is None else now
        self.outbox = Outbox(keep)
        self.resources = {}
        #: How many of them have a value.
        self.named = 0
        #: Counters: exceptions of the user's functions, writes that nobody could take, messages not understood.
        self.faults = 0
        self.refused = 0
        self.bad = 0
        #: Set by the loop that can run coroutines: takes one.
        self.spawn = None
        self._jobs = []
        self.describe("id", self.id)
        self.describe("name", name)
        self.describe("os", "micropython")
        if board is not None:
            self.describe("board", board)

    # For the user

    def describe(self, resource, value):
        """Something that does not change by itself, such as a position. Raises ValueError for what cannot be sent."""
        text = messages.encode_value(value)
        entry = self._valued(resource)
        entry.text, entry.at, entry.told = text, None, False

    def value(self, resource, value, unit=None):
        """A value, just measured; ``unit`` as RFC 8428 spells it. Told at once, or later with its age.

        Raises ValueError for what cannot be sent: a name or value outside the protocol, too long, NaN.
        """
        text = messages.encode_value(value)
        entry = self._valued(resource)
        entry.text, entry.at, entry.told = text, self.now(), True
        if unit is not None:
            entry.unit = unit
        gone = self.outbox.put((entry, text, entry.at))
        if gone is not None and gone[0].at == gone[2]:
            gone[0].told = False  # its newest value: tell that one without the outbox

    def on_write(self, resource):
        """Decorator: ``function(value)`` is called when somebody writes. What it returns is told as the new value;
        None stands for the value itself. When it raises, the old value is told again."""
        entry = self._resource(resource)

        def register(function):
            entry.handler = function
            return function

        return register

    def every(self, period_ms):
        """Decorator: call ``function()`` now and every ``period_ms``. A coroutine function is not started twice."""
        if period_ms <= 0:
            raise ValueError("a period is at least 1 ms")

        def register(function):
            self._jobs.append([function, period_ms, None, False])
            return function

        return register

    def run(self, link, wifi=None, watchdog=None):
        """Do everything, for ever. ``link``: an address such as ``mqtt://192.168.1.10:1886``, or a Link."""
        from aiot import loop

        loop.run(self, link, wifi, watchdog)

    async def serve(self, link, wifi=None, watchdog=None):
        """The same within a program that has tasks of its own."""
        from aiot import loop

        await loop.serve(self, link, wifi, watchdog)

    # For the loop

    def work(self, now):
        """Start what is due; whether anything was."""
        busy = False
        for job in self._jobs:
            function, period_ms, due, running = job
            if running or (due is not None and now < due):
                continue
            busy = True
            # What a slow function missed is not made up for.
            job[2] = now + period_ms if due is None or now - due >= period_ms else due + period_ms
            self._call(function, (), job, None)
        return busy

    # For the sessions

    def names(self):
        """The resources that have a value."""
        return [each.name for each in self.resources.values() if each.text is not None]

    def tell_all(self):
        """Somebody asked for every value."""
        for each in self.resources.values():
            each.told = False

    def next(self):
        """What to tell next: (number in the outbox or None, resource, JSON text, measured at or None); or None.

        The oldest that is kept comes first, so that what comes last is what is true.
        """
        taken = self.outbox.take()
        if taken is not None:
            number, (entry, text, at) = taken
            if entry.at == at:
                entry.told = True
            return number, entry, text, at
        for entry in self.resources.values():
            if not entry.told and entry.text is not None:
                entry.told = True
                return None, entry, entry.text, entry.at
        return None

    def arrived(self, number):
        """What ``next`` gave with ``number`` has arrived."""
        if number is not None:
            self.outbox.acknowledge(number)

    def broken(self, untold):
        """The link broke before these resources' values had arrived; the outbox knows of its own."""
        self.outbox.rewind()
        for entry in untold:
            entry.told = False

    def write(self, resource, value):
        """Somebody wrote."""
        entry = self.resources.get(resource)
        if entry is None or entry.handler is None:
            self.refused += 1
            log.complain("write", "Nothing to write to is called %r here" % (resource[:64],))
            if entry is not None:
                entry.told = False  # so that whoever wrote sees that nothing changed
            return
        self._call(entry.handler, (value,), None, entry)

    # The user's functions. ``job`` is of ``every``, ``entry`` of ``on_write``; one of them is None.

    def _call(self, function, arguments, job, entry):
        try:
            result = function(*arguments)
            if hasattr(result, "send"):  # a coroutine
                if self.spawn is None:
                    raise TypeError("coroutines need asyncio, which this firmware does not have")
                if job is not None:
                    job[3] = True
                self.spawn(self._finish(result, arguments, job, entry))
                return
            self._finished(result, arguments, entry)
        except Exception as error:
            self._failed(error, entry)

    async def _finish(self, coroutine, arguments, job, entry):
        try:
            self._finished(await coroutine, arguments, entry)
        except Exception as error:
            self._failed(error, entry)
        finally:
            if job is not None:
                job[3] = False

    def _finished(self, result, arguments, entry):
        if entry is not None:
            self.value(entry.name, arguments[0] if result is None else result)

    def _failed(self, error, entry):
        self.faults += 1
        if entry is not None:
            entry.told = False
        log.fault("a function of yours" if entry is None else "the write to %s" % entry.name, error)

    def _valued(self, name):
        entry = self._resource(name)
        if entry.text is None:
            self.named += 1
        return entry

    def _resource(self, name):
        entry = self.resources.get(name)
        if entry is None:
            messages.check_resource(name)
            if len(self.resources) >= MAX_RESOURCES:
                raise ValueError("a node has at most %d resources" % MAX_RESOURCES)
            entry = self.resources[name] = Resource(name)
        return entry


def _hardware_id():
    try:
        from binascii import hexlify

        from machine import unique_id
    except ImportError:
        raise ValueError("this board has no unique id: give Node(..., id=...)")
    return str(hexlify(unique_id()), "utf-8")
