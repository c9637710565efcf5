# SPDX-License-Identifier: BSD-3-Clause
"""Codes that clients' WebSockets are closed with (RFC 6455 section 7.4, PROTOCOL.md section 3.2). Pure."""

from __future__ import annotations

CLOSE_GOING_AWAY = 1001
CLOSE_MALFORMED = 1003
CLOSE_TRY_LATER = 1013
CLOSE_NEEDS_TOKEN = 4401
CLOSE_REPLACED = 4409
