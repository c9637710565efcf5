# SPDX-License-Identifier: BSD-3-Clause
"""Tokens of devices: whether one is good, by which keys, and until when. For gateways that devices connect to."""
