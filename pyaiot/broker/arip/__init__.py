# SPDX-License-Identifier: BSD-3-Clause
"""``/arip``: the protocol of arip's clients, on the entities of this broker (PROTOCOL.md section 3.6)."""
