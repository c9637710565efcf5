# SPDX-License-Identifier: BSD-3-Clause
"""What crosses the link between a gateway and the broker (protocol.md section 2).

Pure: no socket, no clock. ``names`` says what a name may be, ``messages`` are the types, ``codec`` turns
them into JSON and back (strictly), ``signing`` holds Ed25519 keys and seals frames, ``handshake`` is the
exchange that begins a session, ``errors`` are what can go wrong.
"""
