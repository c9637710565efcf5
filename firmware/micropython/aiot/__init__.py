# SPDX-License-Identifier: BSD-3-Clause
"""A board's values on pyaiot's dashboard: ``from aiot import Node``. README.md beside this folder says how.

What decides is in ``node``, ``outbox``, ``messages``, ``session``, ``mqtt``, ``mqtt_packets``, ``websocket``,
``websocket_frames`` and ``backoff``: no socket, no clock. What touches the board is in ``clock``, ``stream``,
``link``, ``wifi``, ``loop`` and ``log``. Times are milliseconds since the start, as plain growing integers.
"""

from aiot.node import Node

__version__ = "0.1.0"
__all__ = ("Node",)
