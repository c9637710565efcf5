# SPDX-License-Identifier: BSD-3-Clause
"""``aiot doctor``: probes look, and know nothing; checks judge what they saw, and look at nothing (pure)."""
