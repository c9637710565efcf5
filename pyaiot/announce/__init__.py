# SPDX-License-Identifier: BSD-3-Clause
"""What services tell the networks that they are in: DNS-SD (RFC 6763) over mDNS (RFC 6762)."""
