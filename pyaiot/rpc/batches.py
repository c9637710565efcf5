# SPDX-License-Identifier: BSD-3-Clause
"""Answers to batches, held until all of a batch are there, and bounded over all batches of a conversation. Pure."""

from __future__ import annotations

from typing import Final

from pyaiot.rpc.encoding import join_batch

#: What the answers to one batch may hold, in bytes; what does not fit any more is answered by an error.
MAX_BATCH_ANSWER_BYTES: Final = 256 * 1024
#: What answers that wait for others of their batches may hold, in bytes, all together, or one of them that is longer:
#: what does not fit any more is answered by an error. With this much of errors, too, further batches are ``busy``.
MAX_HELD_BYTES: Final = 256 * 1024
MAX_HELD_WITH_ERRORS_BYTES: Final = 1024 * 1024
#: An answer that is no longer than this is not replaced by another, which would be no shorter.
SHORT_ANSWER_BYTES: Final = 512


class Batch:
    """Answers to one batch. ``is_refused``: nothing of it is to be served."""

    __slots__ = ("answers", "is_refused", "outstanding", "size")

    def __init__(self, *, is_refused: bool) -> None:
        self.answers: list[bytes] = []
        self.size = 0
        #: Its requests that have no answer yet, and one more while it is being read.
        self.outstanding = 1
        self.is_refused = is_refused


class HeldAnswers:
    """Answers of all batches that are under way; each :meth:`begin` and :meth:`expect` needs its :meth:`settle`."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        #: Bytes of what waits.
        self.size = 0

    def begin(self) -> Batch:
        """A batch is read from now on."""
        return Batch(is_refused=self.size > MAX_HELD_WITH_ERRORS_BYTES)

    def expect(self, batch: Batch) -> None:
        """There is a request in it."""
        batch.outstanding += 1

    def has_room_for(self, batch: Batch, answer: bytes) -> bool:
        """Whether ``answer`` fits; if not, an error has to take its place."""
        if len(answer) <= SHORT_ANSWER_BYTES:
            return True
        waits = batch.outstanding > 1 and self.size > 0 and self.size + len(answer) > MAX_HELD_BYTES
        return not waits and batch.size <= MAX_BATCH_ANSWER_BYTES

    def hold(self, batch: Batch, answer: bytes) -> None:
        """Keep it until the others are there; also where nothing was expected."""
        batch.answers.append(answer)
        batch.size += len(answer)
        self.size += len(answer)

    def settle(self, batch: Batch) -> bytes | None:
        """A request of it was answered, or it was read. The answer to all of it, once nothing is outstanding."""
        batch.outstanding -= 1
        if batch.outstanding or not batch.answers:
            return None
        self.size -= batch.size
        return join_batch(batch.answers)

    def drop(self) -> None:
        """Nobody waits for any of it any more."""
        self.size = 0
