# SPDX-License-Identifier: BSD-3-Clause
"""JSON-RPC 2.0 and 1.0, both ways, over any WebSocket: messages, methods, one conversation, and an asyncio peer."""
