# SPDX-License-Identifier: BSD-3-Clause
"""The broker's address as people write it. Pure."""

from __future__ import annotations

from pyaiot.addresses import BadAddress as BadAddress
from pyaiot.addresses import broker_url_at


def rpc_url(address: str) -> str:
    """``ws://host:8000/rpc`` for ``host``, ``host:8000``, ``http://host:8000`` … Raises BadAddress.

    What has a path of its own, as behind a proxy (``https://example.org/iot``), gets ``/rpc`` behind it; what ends with
    it is the whole address.
    """
    return broker_url_at(address, "/rpc")
