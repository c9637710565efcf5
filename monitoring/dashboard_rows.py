# SPDX-License-Identifier: BSD-3-Clause
"""What the Grafana dashboard draws: rows of panels, each with its questions to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

#: The choice of instances, in every question.
HERE = 'instance=~"$instance"'


@dataclass(frozen=True)
class Panel:
    """One diagram. ``queries``: an expression and its legend each; ``{}`` is where the choice of instances goes."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    text: str = ""


@dataclass(frozen=True)
class Stat:
    """One number; it turns red from ``red`` on, or, if ``low_is_red``, below."""

    title: str
    query: str
    unit: str = "short"
    red: float | None = None
    low_is_red: bool = False


def rate(name: str, by: str, labels: str = "") -> str:
    """How often a second something happened, by labels."""
    return f"sum by ({by}) (rate({name}{{{HERE}{labels}}}[$__rate_interval]))"


def now(name: str, by: str, labels: str = "") -> str:
    """What is now, by labels."""
    return f"sum by ({by}) ({name}{{{HERE}{labels}}})"


def rates(prefix: str, *names: str) -> tuple[tuple[str, str], ...]:
    """Several counters of one protocol, each a line for each gateway."""
    return tuple(
        (rate(f"{prefix}_{name}_total", "gateway"), f"{{{{gateway}}}} {name.replace('_', ' ')}") for name in names
    )


def alone(prefix: str, *names: str) -> tuple[tuple[str, str], ...]:
    """Likewise, of what is there once."""
    return tuple((rate(f"{prefix}_{name}_total", "instance"), name.replace("_", " ")) for name in names)


ROWS: dict[str, tuple[Panel | Stat, ...]] = {
    "Overview": (
        Stat("Devices online", f'sum(aiot_nodes{{{HERE},state="online"}})'),
        Stat("Gateways connected", f"sum(aiot_gateways{{{HERE}}})", red=1, low_is_red=True),
        Stat("Gateways away", f"count(aiot_gateway_connected{{{HERE}}} == 0) or vector(0)", red=1),
        Stat("Gateways not well", f"count(aiot_gateway_healthy{{{HERE}}} == 0) or vector(0)", red=1),
        Stat("Clients", f"sum(aiot_clients{{{HERE}}})"),
        Stat(
            "Errors logged, 1 h", f'sum(increase(aiot_log_records_total{{{HERE},level=~"error|critical"}}[1h]))', red=1
        ),
        Panel("Devices", ((now("aiot_nodes", "gateway, state"), "{{gateway}} {{state}}"),)),
        Panel("Values a second", ((rate("aiot_gateway_updates_total", "outcome"), "{{outcome}}"),), "ops"),
        Panel(
            "Changes told to clients",
            (
                (rate("aiot_changes_told_total", "instance"), "/ws {{instance}}"),
                (rate("aiot_rpc_changes_told_total", "instance"), "/rpc {{instance}}"),
            ),
            "ops",
        ),
    ),
    "Gateways": (
        Panel(
            "Session with the broker",
            ((now("aiot_uplink_connected", "gateway"), "{{gateway}}"),),
            text="1: there is one.",
        ),
        Panel(
            "Away for",
            (
                (now("aiot_uplink_away_seconds", "gateway"), "{{gateway}}"),
                (now("aiot_uplink_retry_delay_seconds", "gateway"), "{{gateway}}: next try after"),
            ),
            "s",
        ),
        Panel(
            "Sessions lost and begun",
            (
                (rate("aiot_uplink_losses_total", "gateway"), "{{gateway}} lost"),
                (rate("aiot_uplink_sessions_total", "gateway"), "{{gateway}} begun"),
            ),
            "ops",
        ),
        Panel(
            "Outbox",
            ((now("aiot_outbox_messages", "gateway, state"), "{{gateway}} {{state}}"),),
            text="What the broker has not acknowledged.",
        ),
        Panel("Outbox, bytes", ((now("aiot_outbox_bytes", "gateway"), "{{gateway}}"),), "bytes"),
        Panel("Dropped", ((rate("aiot_outbox_dropped_total", "gateway, kind"), "{{gateway}} {{kind}}"),), "ops"),
        Panel(
            "Devices come and go",
            (
                (rate("aiot_gateway_nodes_new_total", "gateway"), "{{gateway}} new"),
                (rate("aiot_gateway_nodes_out_total", "gateway, reason"), "{{gateway}} out: {{reason}}"),
                (rate("aiot_gateway_resets_total", "gateway"), "{{gateway}} rebooted"),
            ),
            "ops",
        ),
        Panel(
            "Values and signs of life",
            (
                (rate("aiot_gateway_values_total", "gateway"), "{{gateway}} values"),
                (rate("aiot_gateway_signs_of_life_total", "gateway"), "{{gateway}} signs of life"),
            ),
            "ops",
        ),
        Panel(
            "Not taken",
            (
                (rate("aiot_gateway_reports_refused_total", "gateway, reason"), "{{gateway}} of devices: {{reason}}"),
                (rate("aiot_gateway_messages_refused_total", "gateway"), "{{gateway}} by the broker"),
                (rate("aiot_gateway_frames_bad_total", "instance"), "bad frames"),
                (rate("aiot_gateways_refused_total", "instance"), "gateways refused"),
            ),
            "ops",
        ),
    ),
    "Clients and programs": (
        Panel(
            "Connected",
            (
                (now("aiot_clients", "instance"), "clients"),
                (now("aiot_entities", "instance"), "programs"),
                (now("aiot_rpc_watches", "instance"), "watches"),
            ),
        ),
        Panel(
            "Come, refused, behind",
            alone(
                "aiot",
                "clients_accepted",
                "clients_refused",
                "clients_fallen_behind",
                "rpc_watchers_fallen_behind",
                "rpc_clients_cut_off",
            ),
            "ops",
        ),
        Panel(
            "JSON-RPC",
            alone("aiot_rpc", "requests", "notifications", "messages_malformed", "calls_refused", "timeouts"),
            "ops",
        ),
        Panel("Calls to programs", ((rate("aiot_entity_calls_total", "outcome"), "{{outcome}}"),), "ops"),
        Panel(
            "Actuations",
            (
                (rate("aiot_actuation_requests_total", "answer"), "{{answer}}"),
                (rate("aiot_actuations_ended_total", "state"), "waited: {{state}}"),
            ),
            "ops",
        ),
        Panel(
            "Waiting",
            (
                (now("aiot_actuations_waiting", "instance"), "actuations"),
                (now("aiot_entity_calls_pending", "instance"), "calls"),
                (now("aiot_writes_pending", "instance"), "writes and reads"),
            ),
        ),
    ),
    "Writes": (
        Panel("Writes", ((rate("aiot_writes_total", "outcome"), "{{outcome}}"),), "ops"),
        Panel("Reads", ((rate("aiot_reads_total", "outcome"), "{{outcome}}"),), "ops"),
        Panel(
            "At the gateways",
            (
                (rate("aiot_gateway_writes_total", "gateway, outcome"), "{{gateway}} {{outcome}}"),
                (now("aiot_gateway_writes_pending", "gateway"), "{{gateway}} under way"),
                (rate("aiot_gateway_writes_late_total", "gateway"), "{{gateway}} late"),
            ),
            "ops",
        ),
    ),
    "CoAP": (
        Panel(
            "Datagrams and requests",
            rates("aiot_coap", "datagrams", "accepted", "rejected", "notifications", "duplicates"),
            "ops",
        ),
        Panel(
            "Asked of devices",
            rates("aiot_coap", "discoveries", "discoveries_failed", "reads", "reads_failed", "writes", "writes_failed"),
            "ops",
        ),
        Panel(
            "Trouble",
            rates(
                "aiot_coap",
                "malformed",
                "oversized",
                "strangers",
                "refused",
                "crowded",
                "unsent",
                "icmp_errors",
                "internal_errors",
            ),
            "ops",
        ),
    ),
    "MQTT": (
        Panel("Messages", rates("aiot_mqtt", "messages", "duplicates", "retained", "empty"), "ops"),
        Panel(
            "Asked of devices",
            rates("aiot_mqtt", "discoveries", "reads", "reads_failed", "writes", "writes_failed"),
            "ops",
        ),
        Panel(
            "Trouble",
            rates(
                "aiot_mqtt",
                "losses",
                "bad_names",
                "bad_payloads",
                "oversized",
                "refused",
                "unsent",
                "pauses",
                "internal_errors",
            ),
            "ops",
        ),
    ),
    "WebSocket": (
        Panel("Messages and values", rates("aiot_ws", "messages", "updates", "connections", "opened"), "ops"),
        Panel("Asked of devices", rates("aiot_ws", "reads", "reads_failed", "writes", "writes_failed"), "ops"),
        Panel(
            "Trouble",
            rates(
                "aiot_ws",
                "rejected",
                "bad_messages",
                "bad_frames",
                "wrong_keys",
                "bad_tokens",
                "silent",
                "slow",
                "paced",
                "held",
                "crowded",
                "internal_errors",
            ),
            "ops",
        ),
    ),
    "HTTP": (
        Panel("Requests and values", rates("aiot_http", "requests", "values", "polls", "commands"), "ops"),
        Panel("Asked of devices", rates("aiot_http", "writes", "writes_failed"), "ops"),
        Panel(
            "Trouble",
            rates(
                "aiot_http",
                "denied",
                "wrong_passwords",
                "bad_bodies",
                "too_many",
                "gave_way",
                "turned_away",
                "held",
                "internal_errors",
            ),
            "ops",
        ),
    ),
    "Embedded MQTT broker": (
        Panel("Clients", ((now("aiot_mqtt_broker_clients", "instance"), "{{instance}}"),)),
        Panel("Messages", alone("aiot_mqtt_broker", "published", "delivered", "logins"), "ops"),
        Panel(
            "Trouble",
            alone(
                "aiot_mqtt_broker",
                "wrong_passwords",
                "refused_connects",
                "bad_packets",
                "forbidden_publishes",
                "forbidden_filters",
                "full",
                "silent",
                "too_slow",
                "replaced",
                "internal_errors",
            ),
            "ops",
        ),
    ),
    "Processes": (
        Panel(
            "CPU",
            ((f'rate(process_cpu_seconds_total{{{HERE},job=~"pyaiot.*"}}[$__rate_interval])', "{{instance}}"),),
            "percentunit",
        ),
        Panel("Memory", ((f'process_resident_memory_bytes{{{HERE},job=~"pyaiot.*"}}', "{{instance}}"),), "bytes"),
        Panel(
            "Open files",
            (
                (f'process_open_fds{{{HERE},job=~"pyaiot.*"}}', "{{instance}}"),
                (f'process_max_fds{{{HERE},job=~"pyaiot.*"}}', "{{instance}} at most"),
            ),
        ),
        Panel(
            "Event loop: 90 % of timers no later than",
            (
                (
                    f"histogram_quantile(0.9, {rate('aiot_event_loop_lag_seconds_bucket', 'instance, le')})",
                    "{{instance}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Logged",
            (
                (rate("aiot_log_records_total", "instance, level"), "{{instance}} {{level}}"),
                (rate("aiot_log_records_suppressed_total", "instance, level"), "{{instance}} {{level}}, not shown"),
            ),
            "ops",
        ),
        Panel("Runs for", ((f'time() - process_start_time_seconds{{{HERE},job=~"pyaiot.*"}}', "{{instance}}"),), "s"),
        Panel(
            "Certificate holds for",
            ((f"aiot_tls_certificate_end_timestamp_seconds{{{HERE}}} - time()", "{{instance}}"),),
            "s",
        ),
        Panel("Dashboard: requests", ((rate("aiot_dashboard_requests_total", "code"), "{{code}}"),), "ops"),
        Panel("Dashboard: sent", ((rate("aiot_dashboard_sent_bytes_total", "instance"), "{{instance}}"),), "Bps"),
    ),
}
