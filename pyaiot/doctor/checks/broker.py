# SPDX-License-Identifier: BSD-3-Clause
"""Whether the broker is reached, is the one that is trusted here, and admits the gateways of this host. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.doctor.findings import NO_ANSWER, Finding, Level

#: Of what a broker says of itself so much is shown.
MAX_SHOWN: Final = 80

Step = Literal["resolve", "connect", "tls", "http", "answered"]
#: How a check of one gateway's key ended: both ends proved theirs; the broker is another; it does not take ours; it is
#: older and was not asked for a proof; or there was no answer that makes sense.
Proof = Literal["proved", "stranger", "not admitted", "claimed", "none"]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What came of one; ``claimed`` is the key that the broker named, empty where it named none."""

    proof: Proof
    claimed: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """What was seen of the broker at ``url``. ``reached``: the last step that went well, or was tried.

    ``fault``: why that step failed, empty where it did not. ``expected``: it should be there, as somebody runs that
    needs it, or as it is not this host's. ``handshakes``: by the gateway's name; empty: of nobody, who only listens.
    """

    url: str
    here: bool
    expected: bool
    reached: Step
    fault: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    handshakes: Mapping[str, Handshake] = field(default_factory=dict)


def address_of(url: str) -> str:
    """Where a broker is, as people write it."""
    return url.removeprefix("ws://").removesuffix("/gw")


def check_broker(facts: BrokerFacts, keys: KeyFacts | None, ours: str, by: Sequence[str]) -> Iterator[Finding]:
    """``keys``: those of the gateways, if they could be read; ``ours``: this version; ``by``: who talks to it."""
    where = address_of(facts.url)
    seen = {"broker": facts.url, "reached": facts.reached, **dict(facts.health)}
    whom = ", ".join(dict.fromkeys(by))
    if facts.fault:
        yield _unreached(facts, where, whom, seen)
    else:
        yield from _check_version(where, str(facts.health.get("version", "")), ours, seen)
    proved = [name for name, each in facts.handshakes.items() if each.proof == "proved"]
    if proved:
        yield Finding(
            check="broker.identity",
            level="ok",
            summary=f"the broker at {where} has the key that is trusted here, and admits {', '.join(proved)}",
            facts={"broker": where, "gateways": proved},
        )
    for name, handshake in facts.handshakes.items():
        yield from _check_handshake(facts, where, name, handshake, keys)


def _unreached(facts: BrokerFacts, where: str, whom: str, seen: dict[str, Any]) -> Finding:
    # Who answers, but not as a broker does, is in the way also of who does not run yet.
    wrong = facts.expected or facts.reached in ("tls", "http")
    level: Level = "problem" if wrong else "note"
    summary = f"no broker at {where}: {facts.fault}"
    match facts.reached:
        case "resolve":
            fix = "AIOT_BROKER_HOST= its name or address (--broker-host)"
        case "connect" if facts.here:
            fix = "aiot up, or aiot-broker; or AIOT_BROKER_HOST and AIOT_BROKER_PORT= where it is"
        case "connect":
            fix = "start it there: aiot-broker, with --broker-host= an address that this host reaches"
        case "tls":
            why, _, fix = facts.fault.rpartition(": ")
            summary = f"TLS with the broker at {where} fails: {why or facts.fault}"
            if "does not speak TLS" in facts.fault:
                fix = "AIOT_BROKER_SSL=no, or let the broker speak it: --tls-cert, --tls-key"
        case _ if facts.fault == NO_ANSWER:
            summary = f"what listens at {where} takes connections, and then does not answer in time"
            fix = "look at its log, and whether its host is too busy; then start it again"
        case _:
            summary = f"what answers at {where} is no broker of pyaiot: {facts.fault}"
            ssl = "" if facts.url.startswith("wss:") else "; if it speaks TLS: AIOT_BROKER_SSL=yes"
            fix = f"AIOT_BROKER_HOST and AIOT_BROKER_PORT= where it is{ssl}"
    return Finding(
        check=f"broker.{facts.reached}",
        level=level,
        service=whom,
        summary=summary,
        fix=fix if wrong else "",
        facts=seen,
    )


def _check_version(where: str, theirs: str, ours: str, seen: dict[str, Any]) -> Iterator[Finding]:
    theirs = theirs[:MAX_SHOWN]
    if theirs and theirs != ours:
        older = "broker" if _parts(theirs) < _parts(ours) else "host"
        yield Finding(
            check="broker.version",
            level="warning",
            summary=f"the broker at {where} is version {theirs}, this is {ours}",
            fix="update it: pip install --upgrade pyaiot" + (" on its host" if older == "broker" else ", here"),
            facts=seen,
        )
        return
    version = f", version {theirs}" if theirs else ""
    yield Finding(check="broker.answered", level="ok", summary=f"the broker at {where} answers{version}", facts=seen)


def _check_handshake(
    facts: BrokerFacts, where: str, name: str, handshake: Handshake, keys: KeyFacts | None
) -> Iterator[Finding]:
    command = keys.command if keys else "aiot-generate-keys"
    public = keys.gateways.get(name, "KEY") if keys else "KEY"
    whom = f"gateway {name}" if name else ""
    seen = {"broker": where, "gateways": [name] if name else [], "claimed": handshake.claimed[:MAX_SHOWN]}
    level: Level
    match handshake.proof:
        case "proved":
            return
        case "claimed":
            # Whoever poses as the broker can name its key, too.
            level, fix = "note" if name else "ok", ""
            summary = f"the broker at {where} names the key that is trusted here" + (
                ", but is too old to prove it to a doctor" if name else ""
            )
        case "stranger":
            level = "problem"
            summary = (
                f"the broker at {where} has another key than the one trusted here: {handshake.claimed[:MAX_SHOWN]}"
            )
            fix = f"{command} --trust-broker {handshake.claimed[:MAX_SHOWN]}"
            if facts.here and keys is not None and keys.broker is not None and keys.broker == keys.trusted:
                # The key trusted is this host's own broker's, which has got other keys since; or another has its port.
                fix = "start this host's broker again, which then goes by this key file; or stop the other that answers"
            elif keys is None or keys.broker != handshake.claimed:
                fix += "   (only if aiot-generate-keys --list at the broker shows that key, too)"
        case "not admitted":
            level = "problem"
            summary = f"the broker at {where} does not admit this gateway's key"
            own = keys is not None and keys.broker == handshake.claimed
            authorize = command if own else "at the broker: aiot-generate-keys"
            fix = f"{authorize} --authorize {name} {public}"
        case "none":
            if facts.fault:
                return
            level = "problem"
            summary = f"the broker at {where} does not take gateways: {handshake.reason}"
            fix = "look at its log; behind a proxy, see that it passes WebSockets at /gw"
    yield Finding(check="broker.identity", level=level, service=whom, summary=summary, fix=fix, facts=seen)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split(".") if each.isdecimal() and len(each) < 10)
