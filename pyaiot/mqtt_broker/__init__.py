# SPDX-License-Identifier: BSD-3-Clause
"""The embedded MQTT broker (PROTOCOL.md section 1.2.1): amqtt, behind a guard that lets only sound packets through."""
