# SPDX-License-Identifier: BSD-3-Clause
"""From what a probe saw to findings: one file a subject, each with the type of what is seen. Pure."""
