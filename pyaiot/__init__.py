# SPDX-License-Identifier: BSD-3-Clause
"""pyaiot connects small things to the web.

The road that data takes::

    updates  device ─CoAP▶ gateway/coap/adapter ▶ gateway/core ▶ gateway/uplink ══signed frames══▶
             broker/gateway_session ▶ broker/directory ▶ broker/client_session ══▶ dashboard
    writes   the same road back, and the outcome returns to whoever asked
"""

__version__ = "0.1.0"
