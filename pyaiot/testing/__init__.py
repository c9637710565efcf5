# SPDX-License-Identifier: BSD-3-Clause
"""Tests that adapters which are not ours can be run against, too: ``conformance``, and docs/write-a-gateway.md.

Nothing here imports pytest.
"""
