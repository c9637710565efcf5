# SPDX-License-Identifier: BSD-3-Clause
"""What the dashboard has answered, for its metrics and its log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from tornado.web import RequestHandler

from pyaiot.monitoring.families import Family, by_label, counter

logger = logging.getLogger("pyaiot.dashboard.server")


class Served:
    """What a dashboard has answered. Its codes are those that it sends, so there are few."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.body_bytes = 0

    def answered(self, handler: RequestHandler) -> None:
        """A request was answered; what has no length (304) has no body."""
        self.codes[str(handler.get_status())] += 1
        if handler.request.method != "HEAD":
            self.body_bytes += int(handler._headers.get("Content-Length", 0))
        _log_request(handler)

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        codes = {code: self.codes[code] for code in ("200", *self.codes)}
        yield by_label("aiot_dashboard_requests_total", "counter", "Requests answered, by HTTP status", "code", codes)
        yield counter("aiot_dashboard_sent_bytes_total", "Bytes of pages, styles and scripts answered", self.body_bytes)


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    logger.debug(
        "%s %s %s -> %d in %.1f ms",
        request.remote_ip,
        request.method,
        request.path,
        handler.get_status(),
        1000 * request.request_time(),
    )
