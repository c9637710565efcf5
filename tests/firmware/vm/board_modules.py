# SPDX-License-Identifier: BSD-3-Clause
"""What boards have and the build of MicroPython in the tests lacks: os.urandom and hashlib.sha1, out of Node."""

import asyncio
import hashlib
import os
import sys
from binascii import hexlify, unhexlify

import bridge


def urandom(count):
    return unhexlify(bridge.random(count))


class sha1:
    def __init__(self, data):
        self._data = data

    def digest(self):
        return unhexlify(bridge.sha1(hexlify(self._data).decode()))


class Module:
    """A module of this build, and more."""

    def __init__(self, base, **more):
        for name in dir(base):
            setattr(self, name, getattr(base, name))
        for name, value in more.items():
            setattr(self, name, value)


# The event loop is Node's, so nothing can wait for its end.
asyncio.run = asyncio.create_task

sys.modules["os"] = Module(os, urandom=urandom)
sys.modules["hashlib"] = Module(hashlib, sha1=sha1)
