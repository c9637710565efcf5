# SPDX-License-Identifier: BSD-3-Clause
"""Tests with real processes and real sockets: the commands as people start, stop and kill them."""
