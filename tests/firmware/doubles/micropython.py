# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for MicroPython's module of this name on CPython."""


def const(value):
    return value
