# SPDX-License-Identifier: BSD-3-Clause
"""Whose tokens are good here and now: the keys, the clock, and the one timer that ends what is good no longer."""

from __future__ import annotations

import logging
import time

from pyaiot.gateway.device_tokens.grants import Grants, Holder
from pyaiot.gateway.device_tokens.recurring_call import RecurringCall
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.device_tokens.tokens import Grant, verify

logger = logging.getLogger("pyaiot.gateway.tokens")

#: How often it is looked whether a token has expired or a key has changed; so late it is noticed, also when the
#: clock is set.
LOOK_S = 1.0
#: Tokens ended at once; the next ones come GRAIN_S later, so that nobody else waits long.
MAX_AT_ONCE = 256
GRAIN_S = 0.02


class Authority:
    """Checks tokens by the keys in a folder; ``audience``, if it is not empty, must be in each token's ``aud``."""

    def __init__(self, keys: TokenKeys | None, audience: str = "") -> None:
        """Without ``keys`` no token is good."""
        self._keys = keys
        self._audience = audience
        self._grants = Grants()
        self._looks = RecurringCall(self._look)

    def start(self) -> None:
        """Read the keys, and begin to look. Raises ConfigurationError."""
        if self._keys is None:
            return
        self._keys.load()
        if self._keys.keys:
            logger.info("tokens of devices are checked by: %s", ", ".join(key.name for key in self._keys.keys))
        self._looks.start(LOOK_S)

    def stop(self) -> None:
        """Look no more."""
        self._looks.stop()

    def grant(self, token: str, device: str) -> Grant:
        """What ``token`` grants to ``device`` now. Raises BadToken."""
        keys = () if self._keys is None else self._keys.keys
        return verify(token, device, keys, time.time(), self._audience)

    def hold(self, holder: Holder, grant: Grant) -> None:
        """Call ``holder.revoked`` when ``grant`` ends, if it was not replaced or released before."""
        self._grants.hold(holder, grant)

    def release(self, holder: Holder) -> None:
        """``holder`` is over."""
        self._grants.release(holder)

    def _look(self) -> float:
        """When to look again, in seconds."""
        if self._keys is not None and self._keys.refresh():
            for holder in self._grants.take_untrusted(key.digest for key in self._keys.keys):
                holder.revoked("the key that signed its token is not trusted any more")
        expired = self._grants.take_expired(time.time(), MAX_AT_ONCE)
        for holder in expired:
            holder.revoked("its token has expired")
        return GRAIN_S if len(expired) == MAX_AT_ONCE else LOOK_S
