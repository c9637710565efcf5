# SPDX-License-Identifier: BSD-3-Clause
"""TLS: the certificate that a service shows, how it is renewed, and whom a program of ours trusts."""
