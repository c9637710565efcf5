# SPDX-License-Identifier: BSD-3-Clause
"""How a service is, and what it has counted: for those who watch over it (``/health``, ``/metrics``)."""
