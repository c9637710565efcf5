# SPDX-License-Identifier: BSD-3-Clause
"""What devices ask at ``/v1/nodes/<id>``, and what each request is answered (RFC 9110, PROTOCOL.md section 1.4)."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from pyaiot import listening
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.device_tokens.tokens import Grant
from pyaiot.gateway.http.access import Denied
from pyaiot.gateway.http.commands import Command, Poll
from pyaiot.gateway.http.payloads import UnsupportedType, encode_commands, encode_refused, is_senml
from pyaiot.gateway.http.report import BadPayload
from pyaiot.gateway.http.request_handler import Handler
from pyaiot.wire.names import is_name

logger = logging.getLogger("pyaiot.gateway.http")

#: The longest that a device may wait for a command in one request, in seconds.
MAX_WAIT_S: Final = 60.0
#: How long a request waits while the broker takes too little.
ROOM_S: Final = 5.0
#: A poll ends so long before its connection is too old.
SPARE_S: Final = 5.0

_WAIT = re.compile(r"[0-9]{1,2}", re.ASCII)


class NodeHandler(Handler):
    """``/v1/nodes/<id>``: what a device says, and asks."""

    #: What its token grants, if it came with one.
    _grant: Grant | None = None
    _poll: Poll | None = None

    def check(self) -> None:
        """Raises Denied."""
        super().check()
        uid = self.path_args[0]
        if not is_name(uid):
            raise Denied(400, "an id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
        self._grant = self._host.let_in(self.sender(), uid)
        self.begin(uid)

    def on_connection_close(self) -> None:
        """The device has gone; it takes no command with it."""
        super().on_connection_close()
        if self._poll is not None:
            self._poll.end()

    async def post(self, uid: str) -> None:
        """Values, or nothing but a sign of life. 204; 200 and 400 say what was refused of them."""
        try:
            if not await self.admitted() or not await self._has_room():
                return
            senml = is_senml(self._single("Content-Type"))
            if self._single("Content-Encoding") not in ("", "identity"):
                raise UnsupportedType("send the body as it is, not compressed")
            taken, refused = self._host.report(uid, self.peer, self._grant, self.body.joined(), senml=senml)
        except UnsupportedType as error:
            self._host.counters.bad_types += 1
            self._complain(uid, 415, str(error))
        except BadPayload as error:
            self._host.counters.bad_bodies += 1
            self._complain(uid, 400, str(error))
        except Refused as error:
            self.say(503, str(error))
        except Denied as denied:
            await self._refuse(denied)
        else:
            if refused:
                resource, reason = next(iter(refused.items()))
                logger.warning("Node %s: %d values refused, such as %s: %s", uid, len(refused), resource[:64], reason)
                self.say_json(200 if taken else 400, encode_refused(refused))
            else:
                self.set_status(204)

    async def get(self, uid: str) -> None:
        """The commands for the device; 204 when there are none, at once or after ``?wait=`` seconds."""
        if not await self.admitted():
            return
        wait_s = self._wait_s()
        if wait_s is None:
            self.say(400, f"wait is a whole number of seconds, at most {MAX_WAIT_S:.0f}")
            return
        try:
            commands = self._host.ask(uid, self.peer, self._grant)
            if not commands and wait_s > 0:
                commands = await self._wait(uid, wait_s)
        except Refused as error:
            self.say(503, str(error))
        except Denied as denied:
            await self._refuse(denied)
        else:
            if commands:
                self.say_json(200, encode_commands(commands))
            else:
                self.set_status(204)

    async def delete(self, uid: str) -> None:
        """The device says goodbye."""
        if not await self.admitted():
            return
        try:
            known = self._host.deregister(uid, self._grant)
        except Refused as error:
            self.say(503, str(error))
            return
        except Denied as denied:
            await self._refuse(denied)
            return
        if known:
            self.set_status(204)
        else:
            self.say(404, "there is no such device")

    async def _has_room(self) -> bool:
        """Wait while the broker takes too little; false: it has been answered."""
        if not self._host.crowded:
            return True
        self._host.counters.held += 1
        try:
            async with asyncio.timeout(ROOM_S):
                await self._host.room()
        except TimeoutError:
            if self.answered:
                return False
            self._host.counters.turned_away += 1
            self.say(503, "the broker takes less than devices say: try again")
            return False
        return not self.answered  # while it waited, as others needed its room

    async def _wait(self, uid: str, wait_s: float) -> list[Command]:
        """Raises Denied: the password or token is no longer good, or the id is another's."""
        woken = asyncio.Event()
        self._poll = Poll(woken.set)
        waited = await self._host.wait(uid, self._poll, woken, wait_s, self._grant)
        self._host.check_still(self.sender(), uid, self._grant)
        return self._host.collect(uid) if waited else []

    async def _refuse(self, denied: Denied) -> None:
        """It was let in, and since then something has changed."""
        self._host.counters.denied += 1
        self._denied = denied
        await self.admitted()

    def _wait_s(self) -> float | None:
        """How long to wait: what is asked for, no longer than the node and this connection live. None: nonsense."""
        asked = self.get_query_arguments("wait") or ["0"]
        if len(asked) > 1 or _WAIT.fullmatch(asked[0]) is None or int(asked[0]) > MAX_WAIT_S:
            return None
        now = asyncio.get_running_loop().time()
        born = self._shared.born.setdefault(self.http_connection.stream, now)
        left = born + listening.MAX_AGE_S - SPARE_S - now
        if left < MAX_WAIT_S:
            self.set_header("Connection", "close")
        return max(min(float(asked[0]), self._host.max_wait_s, left), 0.0)

    def _complain(self, uid: str, status: int, sentence: str) -> None:
        logger.warning("Node %s (%s): refused: %s", uid, self.peer, sentence)
        self.say(status, sentence)

    def _single(self, name: str) -> str:
        return str(self.request.headers.get(name, "")).strip()


class NotFoundHandler(Handler):
    """Everything else."""

    async def _answer(self) -> None:
        if await self.admitted():
            self.say(404, "Not found. Devices POST to /v1/nodes/<id>.")

    get = head = post = put = patch = delete = options = _answer
