# SPDX-License-Identifier: BSD-3-Clause
"""The client library; see :class:`Client`."""

from pyaiot.client.address import BadAddress
from pyaiot.client.changes import (
    Described,
    GatewayState,
    Liveness,
    NodeDismissed,
    NodeGone,
    NodeHere,
    NodeReset,
    Synced,
    Value,
)
from pyaiot.client.client import Client
from pyaiot.client.errors import (
    Busy,
    Expired,
    Failed,
    Forbidden,
    Left,
    Offline,
    Refused,
    Taken,
    TimedOut,
    Unknown,
    Unsupported,
)
from pyaiot.client.records import EntityInfo, GatewayInfo, NodeInfo, Reading, Registration
from pyaiot.client.subscribing import EntityLeft, Published, Registered
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import About, Door

__all__ = [
    "About",
    "BadAddress",
    "Busy",
    "Client",
    "Described",
    "Door",
    "EntityInfo",
    "EntityLeft",
    "Expired",
    "Failed",
    "Forbidden",
    "GatewayInfo",
    "GatewayState",
    "Left",
    "Liveness",
    "NodeDismissed",
    "NodeGone",
    "NodeHere",
    "NodeInfo",
    "NodeReset",
    "Offline",
    "Published",
    "Reading",
    "Refused",
    "Registered",
    "Registration",
    "RpcError",
    "Synced",
    "Taken",
    "TimedOut",
    "Unknown",
    "Unsupported",
    "Value",
]
