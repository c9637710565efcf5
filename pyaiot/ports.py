# SPDX-License-Identifier: BSD-3-Clause
"""Where services listen unless told otherwise: ports of the predecessor, which firmware and people know. Pure."""

from __future__ import annotations

from typing import Final

BROKER_PORT: Final = 8000
COAP_PORT: Final = 5683
MQTT_PORT: Final = 1886
WS_PORT: Final = 8001
HTTP_PORT: Final = 8002
WEB_PORT: Final = 8080
#: Of the same by TLS; that of MQTT is IANA's.
MQTT_TLS_PORT: Final = 8883
WS_TLS_PORT: Final = 8801
HTTP_TLS_PORT: Final = 8802
