# SPDX-License-Identifier: BSD-3-Clause
"""Units for systemd: what ``aiot install-units`` writes, and what is in ``systemd/`` of the sources."""
