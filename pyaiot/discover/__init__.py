# SPDX-License-Identifier: BSD-3-Clause
"""What is near: services that announce themselves, and CoAP servers that answer when all of them are asked."""
