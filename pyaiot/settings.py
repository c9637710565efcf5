# SPDX-License-Identifier: BSD-3-Clause
"""What can be set of each service: defaults < config file (TOML) < environment (``AIOT_…``) < flags.

One frozen dataclass a service, made of those for what several services have; an option is a field, and its name is the
flag, the key in the file and the variable in the environment. ``load`` checks everything before anything starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from pyaiot.options import option
from pyaiot.ports import (
    BROKER_PORT,
    COAP_PORT,
    HTTP_PORT,
    HTTP_TLS_PORT,
    MQTT_PORT,
    MQTT_TLS_PORT,
    WEB_PORT,
    WS_PORT,
    WS_TLS_PORT,
)

#: Where the public keys are that devices' tokens are checked by.
DEVICE_KEYS: Final = "~/.pyaiot/device-keys"
#: What signs the tokens that are made here (``aiot device-token``); no service reads it.
DEVICE_TOKEN_KEY: Final = "~/.pyaiot/device-token.key"


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """Options that every service has."""

    #: The service, as its log and its metrics name it.
    program: ClassVar[str] = "pyaiot"

    config: str = option("", "read options from this TOML file, shared by all services", metavar="FILE", keeps="chosen")
    broker_host: str = option(
        "localhost", "host name or address of the broker (the broker binds to it)", metavar="HOST"
    )
    broker_port: str = option(
        str(BROKER_PORT), "port of the broker; may be empty where a proxy serves it on the usual port", kind="port?"
    )
    key_file: str = option(
        "~/.pyaiot/keys", "file with this host's keys (see aiot-generate-keys)", metavar="FILE", keeps="secret"
    )
    announce: str = option(
        "auto",
        "tell the network of the service (mDNS); auto: where it is bound to a private address",
        choices=("auto", "yes", "no"),
        metavar="auto|yes|no",
    )
    debug: bool = option(False, "log everything, as --logging=debug does")
    logging: str = option(
        "info", "how much to log", choices=("debug", "info", "warning", "error", "none"), metavar="LEVEL"
    )
    log_file_prefix: str = option("", "log to this file instead of the terminal, and rotate it", metavar="FILE")
    log_file_max_size: int = option(100_000_000, "bytes in a log file before it is rotated", low=1000, metavar="BYTES")
    log_file_num_backups: int = option(10, "rotated log files to keep", low=0, high=1000, metavar="N")
    log_rotate_mode: str = option("size", "rotate by size or by time", choices=("size", "time"), metavar="NAME")
    log_rotate_when: str = option(
        "midnight",
        "by time: at midnight, on a weekday (W0 is Monday), or by days, hours, minutes, seconds",
        choices=("midnight", "W0", "W1", "W2", "W3", "W4", "W5", "W6", "D", "H", "M", "S"),
        metavar="NAME",
    )
    log_rotate_interval: int = option(1, "by time: every so many of them", low=1, high=100_000, metavar="N")
    log_to_stderr: bool = option(False, "log to the terminal, too, when there is a log file")
    log_format: str = option("text", "lines for people, or JSON for programs", choices=("text", "json"), metavar="NAME")
    metrics_host: str = option("localhost", "address to serve /metrics and /health on", metavar="HOST")
    metrics_port: str = option(
        "", "serve /metrics and /health of this service on this port (default: not at all)", kind="port?"
    )


@dataclass(frozen=True, kw_only=True)
class TlsSettings(CommonSettings):
    """What those have that others connect to by TLS, where they have a certificate."""

    tls_cert: str = option(
        "",
        "certificate to speak TLS with, in PEM, with those that lead to its CA behind it",
        metavar="FILE",
        keeps="chosen",
    )
    tls_key: str = option(
        "", "private key of that certificate, in PEM, without a password", metavar="FILE", keeps="secret"
    )


@dataclass(frozen=True, kw_only=True)
class DeviceFileSettings(CommonSettings):
    """What those have that devices log in to."""

    device_file: str = option(
        "~/.pyaiot/devices",
        "file with the devices' passwords, hashed (see aiot device)",
        metavar="FILE",
        keeps="secret",
    )


@dataclass(frozen=True, kw_only=True)
class DeviceTlsSettings(TlsSettings):
    """What those have that devices connect to by TLS: that is a second port, as many devices know no TLS."""

    tls_only: bool = option(
        False,
        "devices come in by TLS alone: with --tls-cert the ports of devices without TLS stay shut, but for CoAP's",
    )


@dataclass(frozen=True, kw_only=True)
class DeviceTokenSettings(DeviceFileSettings):
    """What those have whose devices may show tokens instead of passwords."""

    device_keys: str = option(
        DEVICE_KEYS,
        "folder of public keys (*.pem) that tokens of devices are checked by",
        metavar="FOLDER",
        keeps="chosen",
    )
    device_token_audience: str = option("", "take only tokens of devices that are for this audience", metavar="TEXT")
    device_owners: str = option(
        "~/.pyaiot/device-owners",
        "file that keeps which account each id was proved for by a token",
        metavar="FILE",
        keeps="state",
    )


@dataclass(frozen=True, kw_only=True)
class ActuationSettings(CommonSettings):
    """What those have that speak a platform's commands, as ``actuation`` translates them."""

    actuation_map: str = option(
        "",
        "TOML file that says which component and command of its platform a device's resource is",
        metavar="FILE",
        keeps="chosen",
    )


@dataclass(frozen=True, kw_only=True)
class BrokerSettings(ActuationSettings, TlsSettings):
    """``aiot-broker``."""

    program: ClassVar[str] = "aiot-broker"

    allowed_origins: str = option(
        "",
        "web pages that may connect, comma separated, such as https://iot.example.org (default: this host's dashboard)",
        metavar="ORIGINS",
    )
    allowed_hosts: str = option(
        "", "further names this broker is reached by, comma separated, such as iot.example.org", metavar="NAMES"
    )
    anonymous_read: bool = option(False, "let clients without a token read, when the broker is not on loopback")
    require_token: bool = option(False, "every client needs a token, on loopback too (as behind a proxy)")
    gateway_grace: int = option(
        30, "seconds a lost gateway's devices are kept before they are out", low=0, high=86_400, metavar="SECONDS"
    )
    web_port: int = option(WEB_PORT, "port of this host's dashboard, whose pages may connect", kind="port")


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(CommonSettings):
    """What all gateways have."""

    gateway_name: str = option("", "this gateway's name in the key file (default: its protocol's)", metavar="NAME")
    broker: str = option(
        "",
        "the broker's whole address, instead of host and port: a URL such as wss://iot.example.org/iot",
        metavar="URL",
        instead_of=("broker_host", "broker_port", "broker_ssl"),
    )
    broker_ssl: bool = option(False, "the broker speaks TLS, or a proxy in front of it: use wss://")
    broker_ca: str = option(
        "",
        "certificates to trust the broker by: a CA's, or its own (default: the system's)",
        metavar="FILE",
        keeps="chosen",
    )
    max_time: int = option(
        120, "seconds without a sign of life until a device is out", low=1, high=31_536_000, metavar="SECONDS"
    )


@dataclass(frozen=True, kw_only=True)
class CoapGatewaySettings(GatewaySettings):
    """``aiot-coap-gateway``."""

    program: ClassVar[str] = "aiot-coap-gateway"

    coap_host: str = option("::", "address to listen on for devices (:: is every IPv4 and IPv6 one)", metavar="HOST")
    coap_port: int = option(COAP_PORT, "UDP port to listen on for devices", kind="port")
    interface: str = option("", "network interface of devices with link-local addresses, such as tap0", metavar="NAME")


@dataclass(frozen=True, kw_only=True)
class MqttBrokerSettings(DeviceFileSettings, DeviceTlsSettings):
    """``aiot-mqtt-broker``, and what concerns the embedded MQTT broker of ``aiot-mqtt-gateway``."""

    program: ClassVar[str] = "aiot-mqtt-broker"

    mqtt_host: str = option(
        "localhost", "host name or address of the MQTT broker (an embedded one binds to it)", metavar="HOST"
    )
    mqtt_port: int = option(MQTT_PORT, "port of the MQTT broker", kind="port")
    mqtt_tls_port: int = option(
        MQTT_TLS_PORT, "port of the embedded MQTT broker for devices that speak TLS, with --tls-cert", kind="port"
    )
    mqtt_require_password: bool = option(
        False, "devices need a password at the embedded MQTT broker, on loopback too (elsewhere they always do)"
    )


@dataclass(frozen=True, kw_only=True)
class MqttGatewaySettings(MqttBrokerSettings, GatewaySettings):
    """``aiot-mqtt-gateway``."""

    program: ClassVar[str] = "aiot-mqtt-gateway"

    embedded_broker: bool = option(False, "also be the MQTT broker, instead of connecting to one")
    mqtt_user: str = option("", "user name at the MQTT broker", metavar="NAME")
    mqtt_password_file: str = option(
        "", "file whose first line is the password at the MQTT broker", metavar="FILE", keeps="secret"
    )
    mqtt_client_id: str = option(
        "", "client id at the MQTT broker (default: made of the gateway's name and key)", metavar="ID"
    )
    mqtt_ssl: bool = option(False, "the MQTT broker is reached by TLS")
    mqtt_ca: str = option(
        "", "certificates to trust the MQTT broker by (default: the system's)", metavar="FILE", keeps="chosen"
    )
    mqtt_cert: str = option("", "certificate of the gateway for the MQTT broker", metavar="FILE", keeps="chosen")
    mqtt_cert_key: str = option("", "private key of that certificate", metavar="FILE", keeps="secret")


@dataclass(frozen=True, kw_only=True)
class WsGatewaySettings(ActuationSettings, DeviceTokenSettings, DeviceTlsSettings, GatewaySettings):
    """``aiot-ws-gateway``."""

    program: ClassVar[str] = "aiot-ws-gateway"

    gateway_host: str = option("::", "address to listen on for devices (:: is every IPv4 and IPv6 one)", metavar="HOST")
    gateway_port: int = option(WS_PORT, "port to listen on for devices", kind="port")
    gateway_tls_port: int = option(
        WS_TLS_PORT, "port to listen on for devices that speak TLS (wss://), with --tls-cert", kind="port"
    )
    device_origins: str = option(
        "", "web pages that may play device, comma separated, such as https://iot.example.org", metavar="ORIGINS"
    )
    ws_require_key: bool = option(False, "WebSocket devices need a key or a token, whatever their id is")


@dataclass(frozen=True, kw_only=True)
class HttpGatewaySettings(DeviceTokenSettings, DeviceTlsSettings, GatewaySettings):
    """``aiot-http-gateway``."""

    program: ClassVar[str] = "aiot-http-gateway"

    http_host: str = option(
        "localhost", "address to listen on for devices that speak HTTP, encrypted only by TLS", metavar="HOST"
    )
    http_port: int = option(HTTP_PORT, "port to listen on for devices that speak HTTP", kind="port")
    http_tls_port: int = option(
        HTTP_TLS_PORT, "port to listen on for devices that speak HTTP by TLS (https://), with --tls-cert", kind="port"
    )
    http_require_password: bool = option(
        False, "devices need a password or token for HTTP, on loopback too (elsewhere they always do)"
    )
    allowed_hosts: str = option(
        "", "further names this gateway is reached by, comma separated, such as iot.example.org", metavar="NAMES"
    )


@dataclass(frozen=True, kw_only=True)
class DashboardSettings(TlsSettings):
    """``aiot-dashboard``."""

    program: ClassVar[str] = "aiot-dashboard"

    web_host: str = option("localhost", "address to serve the page on", metavar="HOST")
    web_port: int = option(WEB_PORT, "port to serve the page on", kind="port")
    broker_ssl: bool = option(False, "the broker speaks TLS, as this page does with --tls-cert: the page uses wss://")
    broker_url: str = option(
        "",
        "where the page finds the broker, if not by host and port: a URL, or behind one proxy its path from the page",
        metavar="URL",
    )
    title: str = option("IoT Dashboard", "title of the page", metavar="TEXT")
    logo: str = option("", "image beside the title: a file, or an address", metavar="FILE|URL", keeps="chosen")
    favicon: str = option("", "icon of the page: a file, or an address", metavar="FILE|URL", keeps="chosen")
    camera_url: str = option("", "live camera to show: address of an image or of an MJPEG stream", metavar="URL")
    webcam_hosts: str = option(
        "",
        "hosts whose pictures devices may have shown, such as camera.local:8081; several with commas",
        metavar="HOSTS",
    )
    map_tiles: str = option("", "tiles for the map: a URL with {z}, {x} and {y}", metavar="URL")
    static_path: str = option("", "serve this build of the page instead of the installed one", metavar="FOLDER")
    map_api_key: str = option("", "accepted for old command lines; the map needs no key any more", metavar="KEY")


@dataclass(frozen=True, kw_only=True)
class UpSettings(
    BrokerSettings,
    CoapGatewaySettings,
    MqttGatewaySettings,
    WsGatewaySettings,
    HttpGatewaySettings,
    DashboardSettings,
):
    """``aiot up``: everything in one process."""

    program: ClassVar[str] = "aiot-up"

    embedded_broker: bool = option(True, "be the MQTT broker, too; no: connect to the one at --mqtt-host")
    demo: bool = option(False, "also start simulated devices")


#: The services that run alone, by their command.
SERVICES: Final[dict[str, type[CommonSettings]]] = {
    "aiot-broker": BrokerSettings,
    "aiot-coap-gateway": CoapGatewaySettings,
    "aiot-mqtt-broker": MqttBrokerSettings,
    "aiot-mqtt-gateway": MqttGatewaySettings,
    "aiot-ws-gateway": WsGatewaySettings,
    "aiot-http-gateway": HttpGatewaySettings,
    "aiot-dashboard": DashboardSettings,
}
#: All services: a key in the shared file is right when one of them knows it.
ALL_SETTINGS: Final = (*SERVICES.values(), UpSettings)
