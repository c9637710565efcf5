# SPDX-License-Identifier: BSD-3-Clause
"""The environment file of the units: every option that services may share, commented out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any, Final

from pyaiot.settings import ALL_SETTINGS, CommonSettings, GatewaySettings, UpSettings

HEAD: Final = """\
# Options of the pyaiot services on this host (environment.d(5)): take the # away before what you want to change.
# Then: {restart}
#
# What one service alone shall have stands beside this file, in one named after it: for the CoAP gateway
# aiot-coap-gateway.environment. What is there counts more. These belong nowhere else:
# AIOT_GATEWAY_NAME, AIOT_LOG_FILE_PREFIX, AIOT_METRICS_PORT
"""
#: Of two services with the same, one would not start, or both would do harm to each other.
OF_ONE_SERVICE: Final = frozenset(("gateway_name", "log_file_prefix", "metrics_port"))
#: What the units of a whole machine say themselves.
_OF_UNITS: Final = frozenset(("key_file", "device_file", "device_keys", "device_owners"))


def environment_file(*, user: bool = False) -> str:
    """The text of the file; each option stands where it comes up first."""
    restart = "systemctl --user restart aiot.target" if user else "systemctl restart aiot.target"
    return HEAD.format(restart=restart) + "".join(_sections(OF_ONE_SERVICE | (frozenset() if user else _OF_UNITS)))


def _sections(left_out: frozenset[str]) -> Iterator[str]:
    told = set(left_out)
    for settings in (CommonSettings, GatewaySettings, *ALL_SETTINGS):
        if settings is UpSettings:
            continue
        own = [each for each in fields(settings) if each.name not in told]
        told.update(each.name for each in own)
        if own:
            yield f"\n## {_title(settings)}\n" + "".join(map(_option, own))


def _title(settings: type[CommonSettings]) -> str:
    first = (settings.__doc__ or "").splitlines()[0]
    return first.replace("``", "").rstrip(".").rstrip(",")


def _option(option: Field[Any]) -> str:
    meta = option.metadata
    choices = f" ({', '.join(meta['choices'])})" if meta["choices"] else ""
    default = ("no", "yes")[option.default] if isinstance(option.default, bool) else option.default
    return f"\n# {meta['help']}{choices}\n#AIOT_{option.name.upper()}={default}\n"
