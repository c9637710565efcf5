# SPDX-License-Identifier: BSD-3-Clause
"""Keys and state of a host as one file: ``aiot backup``, ``aiot restore``. What belongs in is said by the settings."""
