# SPDX-License-Identifier: BSD-3-Clause
"""What all HTTP answers of the broker have in common."""

from __future__ import annotations

from tornado.web import RequestHandler

from pyaiot.broker.hub import Hub


class PlainHandler(RequestHandler):
    """An HTTP answer in plain words, never a traceback."""

    def initialize(self, hub: Hub) -> None:
        """``hub``: what all sessions of this broker share."""
        self._hub = hub

    def set_default_headers(self) -> None:
        """Say no more of ourselves than needed."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Host and Origin are judged as for ``/ws``."""
        refusal = self._hub.gatekeeper.refusal(self._hub.read_request(self))
        if refusal is not None:
            self.set_status(403)
            self.finish(refusal)

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """The status in words."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")
