# SPDX-License-Identifier: BSD-3-Clause
"""Reads the file of ``--actuation-map``, which the broker and the WebSocket gateway have in common."""

from __future__ import annotations

import os

from pyaiot.actuation import MAX_MAP_BYTES, ActuationMap, BadMap, parse_map
from pyaiot.options import ConfigurationError


def read_actuation_map(path: str) -> ActuationMap | None:
    """The map in the file at ``path``; None when that is empty. Raises ConfigurationError."""
    if not path:
        return None
    try:
        with open(os.path.expanduser(path), "rb") as file:
            raw = file.read(MAX_MAP_BYTES + 1)
        if len(raw) > MAX_MAP_BYTES:
            raise BadMap(f"it is longer than {MAX_MAP_BYTES} bytes")
        return parse_map(raw.decode())
    except OSError as error:
        raise ConfigurationError(f"--actuation-map: {path} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigurationError(f"--actuation-map: {path} is not text") from None
    except BadMap as error:
        raise ConfigurationError(f"--actuation-map: {path}: {error}") from None
