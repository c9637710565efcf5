# SPDX-License-Identifier: BSD-3-Clause
"""Runs every check in ``pure/`` on MicroPython; one line each."""

import sys

import bridge

MODULES = list(bridge.arguments)


def run(module):
    found = __import__(module)
    for name in sorted(dir(found)):
        if name.startswith("test_"):
            try:
                getattr(found, name)()
            except BaseException as error:
                print("FAIL", module, name)
                sys.print_exception(error)
            else:
                print("ok", module, name)


def step(module):
    return lambda: run(module)


STEPS = [step(module) for module in MODULES]
