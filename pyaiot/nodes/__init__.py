# SPDX-License-Identifier: BSD-3-Clause
"""What we believe of devices. Pure: no socket, no asyncio, no clock.

``node`` is our record of one, ``registry`` holds all of a gateway's within bounds, ``liveness`` finds those that
have been silent for too long, ``rhythm`` tells how often one usually shows itself, ``values`` reads numbers and units
out of what devices say.
"""
