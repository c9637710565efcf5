# SPDX-License-Identifier: BSD-3-Clause
"""The units, as text. Pure: where everything is comes in as an :class:`Installation`, whose paths are absolute.

One service runs as a user of its own that exists while it runs (``DynamicUser``), sees its own keys (as a credential),
may write to its own state, and nothing else; ``systemd-analyze security`` judges that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyaiot.key_parts import GATEWAYS

#: A service whose event loop does not turn for so long is started anew.
WATCHDOG_S: Final = 30
#: After a failure a service waits before it is started again: first so long …
RESTART_S: Final = 2
#: … and after so many failures at most so long. Older versions of systemd know no such steps: they wait a time between.
RESTART_STEPS: Final = 6
MAX_RESTART_S: Final = 60
PLAIN_RESTART_S: Final = 5
FIRST_WITH_STEPS: Final = 254
#: EX_CONFIG of sysexits.h, as lifecycle.main gives it.
EXIT_WRONG_OPTION: Final = 78
TARGET: Final = "aiot.target"
#: Homes are hidden from the services, except for the installation where that is in one.
_HOMES: Final = ("/home", "/root", "/run/user")


@dataclass(frozen=True)
class Service:
    """One command as a unit.

    ``keys``: it reads a key file, a gateway its own; ``devices``: the devices' passwords; ``owners``: it keeps who owns
    which id.
    """

    name: str
    description: str
    keys: bool = True
    devices: bool = False
    owners: bool = False
    after: tuple[str, ...] = ()


SERVICES: Final = (
    Service("aiot-broker", "pyaiot broker: relays between gateways and clients"),
    Service("aiot-coap-gateway", "pyaiot gateway of CoAP devices", after=("aiot-broker",)),
    Service("aiot-mqtt-broker", "pyaiot MQTT broker, where there is no other", keys=False, devices=True),
    # Devices' passwords are for the MQTT broker inside it, where one is asked for (--embedded-broker).
    Service(
        "aiot-mqtt-gateway", "pyaiot gateway of MQTT devices", devices=True, after=("aiot-broker", "aiot-mqtt-broker")
    ),
    Service(
        "aiot-ws-gateway", "pyaiot gateway of WebSocket devices", devices=True, owners=True, after=("aiot-broker",)
    ),
    Service("aiot-http-gateway", "pyaiot gateway of HTTP devices", devices=True, owners=True, after=("aiot-broker",)),
    Service("aiot-dashboard", "pyaiot dashboard: the web page that shows devices live", keys=False),
)


@dataclass(frozen=True)
class Installation:
    """Where things are. ``programs``: folder of the commands; ``code``: folders that they need besides, absolute.

    ``settings``: folder of the environment file, the keys (a gateway's in a folder of its own there, see
    pyaiot/key_files.py), the devices' passwords. ``user``: for the systemd of one user, which cannot give a service a
    user of its own, so that all have one key file. ``version`` is systemd's.
    """

    programs: str
    settings: str
    code: tuple[str, ...] = ()
    user: bool = False
    version: int = 252


#: What a distribution's package, or ``pip install --prefix /usr/local``, would have: the units in ``systemd/``.
USUAL: Final = Installation("/usr/local/bin", "/etc/pyaiot")


def all_units(installation: Installation) -> dict[str, str]:
    """Text of each unit, by its file's name."""
    services = {f"{service.name}.service": service_unit(service, installation) for service in SERVICES}
    return {TARGET: target_unit(installation), **services}


def target_unit(installation: Installation) -> str:
    """What starts and stops all that is enabled of them."""
    wanted_by = "default.target" if installation.user else "multi-user.target"
    return _text(
        ("Unit", [("Description", "pyaiot: all of its services that are enabled here")]),
        ("Install", [("WantedBy", wanted_by)]),
    )


def service_unit(service: Service, installation: Installation) -> str:
    """One service."""
    after = ("network-online.target", *(f"{name}.service" for name in service.after))
    unit = [
        ("Description", service.description),
        ("PartOf", TARGET),
        *([] if installation.user else [("Wants", "network-online.target")]),
        ("After", " ".join(after[1:] if installation.user else after)),
        ("StartLimitIntervalSec", "0"),
    ]
    run = [
        ("Type", "notify"),
        ("ExecStart", _quoted(f"{installation.programs}/{service.name}")),
        ("EnvironmentFile", f"-{_specified(installation.settings)}/environment"),
        # The later wins. What only one may have, such as a port for its metrics, has a place of its own.
        ("EnvironmentFile", f"-{_specified(installation.settings)}/{service.name}.environment"),
        *_restart(installation.version),
        ("WatchdogSec", str(WATCHDOG_S)),
        ("TimeoutStopSec", "10"),
        ("LimitNOFILE", "65536"),
    ]
    files = [*_user_files(service, installation)] if installation.user else [*_files(service, installation)]
    walls = [*_user_walls()] if installation.user else [*_walls(installation)]
    return _text(
        ("Unit", [each for each in unit if each[1]]),
        ("Service", [*run, *files, *walls]),
        ("Install", [("WantedBy", TARGET)]),
    )


def _restart(version: int) -> list[tuple[str, str]]:
    always = [
        ("Restart", "always"),
        # What is wrong in the options themselves stays so until somebody changes them (see pyaiot/options.py).
        ("RestartPreventExitStatus", str(EXIT_WRONG_OPTION)),
    ]
    if version < FIRST_WITH_STEPS:
        return [*always, ("RestartSec", str(PLAIN_RESTART_S))]
    return [
        *always,
        ("RestartSec", str(RESTART_S)),
        ("RestartSteps", str(RESTART_STEPS)),
        ("RestartMaxDelaySec", str(MAX_RESTART_S)),
    ]


def _files(service: Service, installation: Installation) -> Iterator[tuple[str, str]]:
    """Its keys are copies that only it can read, made when it starts; its state is its own folder."""
    settings = _specified(installation.settings)
    if service.keys:
        own = f"{service.name}/" if service.name in GATEWAYS.values() else ""
        yield "LoadCredential", f"keys:{settings}/{own}keys"
        yield "Environment", "AIOT_KEY_FILE=%d/keys"
    if service.devices:
        yield "LoadCredential", f"devices:{settings}/devices"
        yield "Environment", "AIOT_DEVICE_FILE=%d/devices"
    if service.owners:
        yield "StateDirectory", service.name
        yield "StateDirectoryMode", "0700"
        yield "Environment", f"AIOT_DEVICE_OWNERS=%S/{service.name}/device-owners"
        yield "Environment", _quoted_setting("AIOT_DEVICE_KEYS", f"{installation.settings}/device-keys")


def _user_files(service: Service, installation: Installation) -> Iterator[tuple[str, str]]:
    settings = installation.settings
    if service.keys:
        yield "Environment", _quoted_setting("AIOT_KEY_FILE", f"{settings}/keys")
    if service.devices:
        yield "Environment", _quoted_setting("AIOT_DEVICE_FILE", f"{settings}/devices")
    if service.owners:
        yield "Environment", _quoted_setting("AIOT_DEVICE_OWNERS", f"{settings}/device-owners")
        yield "Environment", _quoted_setting("AIOT_DEVICE_KEYS", f"{settings}/device-keys")


def _walls(installation: Installation) -> Iterator[tuple[str, str]]:
    yield "DynamicUser", "yes"
    needed = [path for path in (installation.programs, *installation.code) if _is_in_a_home(path)]
    yield "ProtectHome", "tmpfs" if needed else "yes"
    for path in dict.fromkeys(needed):
        yield "BindReadOnlyPaths", _quoted(path)
    yield "ProtectSystem", "strict"
    for name in ("PrivateTmp", "PrivateDevices", "PrivateUsers", "ProtectHostname", "ProtectClock"):
        yield name, "yes"
    for name in ("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups"):
        yield name, "yes"
    yield "ProtectProc", "invisible"
    yield "ProcSubset", "pid"
    yield "DevicePolicy", "closed"
    yield "CapabilityBoundingSet", ""
    yield "RemoveIPC", "yes"
    yield "KeyringMode", "private"
    yield from _user_walls()


def _user_walls() -> Iterator[tuple[str, str]]:
    """What a user's own systemd can do, too."""
    yield "NoNewPrivileges", "yes"
    # Netlink tells what interfaces there are, to who announces itself to them.
    yield "RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"
    for name in ("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality"):
        yield name, "yes"
    yield "MemoryDenyWriteExecute", "yes"
    yield "SystemCallArchitectures", "native"
    yield "SystemCallFilter", "@system-service"
    yield "SystemCallFilter", "~@privileged @resources"
    yield "SystemCallErrorNumber", "EPERM"
    yield "UMask", "0077"


def _is_in_a_home(path: str) -> bool:
    return any(f"{path}/".startswith(f"{home}/") for home in _HOMES)


def _specified(path: str) -> str:
    """A path where systemd puts in specifiers."""
    return path.replace("%", "%%")


def _quoted(path: str) -> str:
    """A path as one word, where systemd takes several."""
    return _word(_specified(path))


def _quoted_setting(name: str, path: str) -> str:
    return _word(f"{name}={_specified(path)}")


def _word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(sign in text for sign in " \t\\\"'") else text


def _text(*sections: tuple[str, list[tuple[str, str]]]) -> str:
    lines = ["# SPDX-License-Identifier: BSD-3-Clause", "# Written by `aiot install-units`, which writes it anew."]
    for name, settings in sections:
        lines += ["", f"[{name}]", *(f"{key}={value}" for key, value in settings)]
    return "\n".join(lines) + "\n"
