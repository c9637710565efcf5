# SPDX-License-Identifier: BSD-3-Clause
"""What was measured and nobody has taken yet, oldest first. Pure.

A ring of a fixed number of places, made once. While the link is down it fills; when it is full the oldest goes,
and is counted. An entry stays until it is acknowledged, so that a link that breaks loses nothing.
"""


class Outbox:
    """Entries are numbered from 0; the numbers of those here are ``first`` ≤ ``sent`` ≤ ``next``."""

    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError("at least 1 value has to be kept")
        self._places = [None] * capacity
        self._first = 0
        #: The first that is not on its way.
        self._sent = 0
        self._next = 0
        #: How many were dropped because there was no room.
        self.dropped = 0

    def __len__(self):
        return self._next - self._first

    def put(self, entry):
        """Keep ``entry``; returns the one that had to go for it, else None."""
        places = self._places
        at = self._next % len(places)
        gone = None
        if len(self) == len(places):
            gone = places[at]
            self.dropped += 1
            self._first += 1
            self._sent = max(self._sent, self._first)
        places[at] = entry
        self._next += 1
        return gone

    def take(self):
        """The oldest that is not on its way, with its number: it now is. None where there is none."""
        if self._sent == self._next:
            return None
        number = self._sent
        self._sent += 1
        return number, self._places[number % len(self._places)]

    def acknowledge(self, number):
        """All up to ``number`` have arrived. A number that is not here any more, or not yet on its way, is ignored."""
        while self._first <= number and self._first < self._sent:
            self._places[self._first % len(self._places)] = None
            self._first += 1

    def rewind(self):
        """The link broke: nothing is on its way any more."""
        self._sent = self._first
