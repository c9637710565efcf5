# SPDX-License-Identifier: BSD-3-Clause
"""What all HTTP answers of the broker have in common."""

from __future__ import annotations

from tornado.web import RequestHandler

from pyaiot.broker.authorisation import Request
from pyaiot.broker.hub import Hub
from pyaiot.http_origin import hides_its_page


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
        """See :meth:`refusal`."""
        refusal = self.refusal(self.sender)
        if refusal is not None:
            self.set_status(403)
            self.finish(refusal)

    @property
    def sender(self) -> Request:
        """What the request says of its sender."""
        return Request.of(str(self.request.remote_ip), self.request.headers)

    def refusal(self, request: Request) -> str | None:
        """Why it is refused (403), or None: Host and Origin as for ``/ws``, and who hides its page does nothing."""
        asked = self.request
        if asked.method and hides_its_page(asked.method, request.origin, asked.headers.get("Sec-Fetch-Site")):
            return "this is a browser's request, and has no Origin: a page must say whose it is"
        return self._hub.gatekeeper.refusal(request)

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """The status in words."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")
