# SPDX-License-Identifier: BSD-3-Clause
"""The broker's JSON-RPC: ``/rpc`` (PROTOCOL.md section 3.5)."""
