# SPDX-License-Identifier: BSD-3-Clause
"""What several checks ask, for both interpreters: what a node tells, how a call fails, what bent input may cost."""

from aiot.session import Lost

#: Streams that a session is fed with, each of two messages and with three bytes changed.
ROUNDS = 400


def told(node):
    """What the node would tell now, as (resource, JSON text)."""
    found = []
    following = node.next()
    while following is not None:
        found.append((following[1].name, following[2]))
        following = node.next()
    return found


def refused(function, *arguments):
    """Whether the call raises ValueError."""
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


def lost(function, *arguments):
    """The reason with which the call raises Lost; None: it does not."""
    try:
        function(*arguments)
    except Lost as error:
        return str(error)
    return None


def loses_no_value(connected, messages, state):
    """Every message cut and bent: values are never lost, and nothing but Lost is raised.

    ``connected`` makes a node and its session, ``messages`` are what a peer may send, ``state`` is where chance begins.
    """
    for round in range(ROUNDS):
        node, session = connected()
        node.on_write("led")(lambda value: None)
        node.value("t", round)
        stream = bytearray(messages[round % len(messages)] + messages[round // len(messages) % len(messages)])
        for _ in range(3):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            stream[state % len(stream)] = state >> 16 & 0xFF
        try:
            session.received(bytes(stream), 0)
            for _ in range(20):
                session.next(0)
        except Lost:
            pass
        session.close()
        assert ("t", str(round)) in told(node)
