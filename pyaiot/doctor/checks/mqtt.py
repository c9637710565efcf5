# SPDX-License-Identifier: BSD-3-Clause
"""Whether the MQTT broker of the MQTT gateway is reached, and lets it in. Pure.

CONNACK and SUBACK are those of MQTT 3.1.1, sections 3.2 and 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pyaiot.addresses import in_url
from pyaiot.doctor.checks.configuration import fix_of
from pyaiot.doctor.findings import Finding, Level

Step = Literal["resolve", "connect", "tls", "answer", "connack", "suback"]
#: Return codes of CONNACK.
_BAD_VERSION, _BAD_ID, _NOT_NOW, _BAD_LOGIN, _NOT_ALLOWED = range(1, 6)
#: That of SUBACK where the subscription was refused.
_REFUSED: Final = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttFacts:
    """What was seen. ``reached``: the last step tried; ``fault``: why it failed, empty where it did not.

    ``code``: of CONNACK, or of SUBACK. ``expected``: see broker.BrokerFacts.
    """

    host: str
    port: int
    user: str
    here: bool
    expected: bool
    reached: Step
    fault: str = ""
    code: int = 0


_ADVICE: Final[dict[int, tuple[str, str]]] = {
    _BAD_VERSION: ("does not speak MQTT 3.1.1", "configure it to speak MQTT 3.1.1, which is version 4"),
    _BAD_ID: ("does not take client ids of ours", "have it take the gateway's: AIOT_MQTT_CLIENT_ID (--mqtt-client-id)"),
    _NOT_NOW: ("says that it is not available", "look at its log"),
}


def check_account(fault: str, service: str) -> Iterator[Finding]:
    """``fault``: why the service itself cannot read what it is to log in with."""
    yield Finding(check="mqtt.account", level="problem", service=service, summary=fault, fix=fix_of(fault))


def check_mqtt(facts: MqttFacts, service: str) -> Iterator[Finding]:
    """One finding."""
    where = f"{in_url(facts.host)}:{facts.port}"
    seen = {"mqtt_broker": where, "reached": facts.reached, "code": facts.code, "user": facts.user or None}
    # Who answers, but not as an MQTT broker does, is in the way also of who does not run yet.
    level: Level = "problem" if facts.expected or facts.reached in ("tls", "answer") else "note"
    match facts.reached:
        case "suback" if facts.code != _REFUSED:
            whom = f" the user {facts.user}" if facts.user else " the gateway"
            yield Finding(
                check="mqtt.answered",
                level="ok",
                service=service,
                summary=f"the MQTT broker at {where} lets{whom} in",
                facts=seen,
            )
            return
        case "suback":
            whom = f" the user {facts.user}" if facts.user else " a gateway without a name"
            summary = f"the MQTT broker at {where} lets{whom} in, but not hear devices (node/#)"
            own = "aiot device add NAME --gateway" if facts.here else "there: aiot device add NAME --gateway"
            fix = f"give it an account, then AIOT_MQTT_USER and AIOT_MQTT_PASSWORD_FILE=; at aiot-mqtt-broker: {own}"
            level = "problem"
        case "connack" if facts.code in _ADVICE:
            words, fix = _ADVICE[facts.code]
            summary = f"the MQTT broker at {where} {words}"
        case "connack":
            who = f"the user {facts.user!r} with that password" if facts.user else "anybody without a password"
            summary = f"the MQTT broker at {where} does not let in {who}"
            fix = "AIOT_MQTT_USER= a user that it knows, and AIOT_MQTT_PASSWORD_FILE= a file with the right password"
            level = "problem"
        case "resolve":
            summary, fix = f"no MQTT broker: {facts.fault}", "AIOT_MQTT_HOST= its name or address (--mqtt-host)"
        case "tls":
            summary = f"TLS with the MQTT broker at {where} fails: {facts.fault}"
            fix = "AIOT_MQTT_SSL=no if it speaks none; else AIOT_MQTT_CA= the certificate that signed its own"
        case "answer":
            summary = f"what answers at {where} is no MQTT broker: {facts.fault}"
            fix = "AIOT_MQTT_HOST and AIOT_MQTT_PORT= where it is; by TLS: AIOT_MQTT_SSL=yes"
        case _:
            summary = f"no MQTT broker at {where}: {facts.fault}"
            start = "aiot-mqtt-broker, or AIOT_EMBEDDED_BROKER=yes; " if facts.here else ""
            fix = f"start it: {start}or AIOT_MQTT_HOST and AIOT_MQTT_PORT= where it is"
    yield Finding(
        check=f"mqtt.{facts.reached}",
        level=level,
        service=service,
        summary=summary,
        fix=fix if level == "problem" else "",
        facts=seen,
    )
