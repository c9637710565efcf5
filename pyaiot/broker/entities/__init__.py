# SPDX-License-Identifier: BSD-3-Clause
"""Programs, tabs and phones that register, beside the devices: found, called and heard (PROTOCOL.md section 3.5)."""
