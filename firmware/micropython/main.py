# SPDX-License-Identifier: BSD-3-Clause
"""The program of a board: what the board has shows on pyaiot's dashboard. Fill in config.py; add your sensors below."""

import boards
from aiot import Node
from aiot.link import Link

try:
    import config
except ImportError:
    raise SystemExit("Copy config_example.py to config.py and fill it in")


def setting(name, default=None):
    value = getattr(config, name, None)
    return default if value is None else value


board = boards.find(setting("board"))
node = Node(setting("name", board.NAME), id=setting("id"), board=board.NAME, keep=setting("keep", 64))

# The LED: a switch on the dashboard.

switch_led = board.led(setting("led_pin"))

if switch_led is not None:
    switch_led(False)
    node.value("led", 0)

    @node.on_write("led")
    def write_led(value):
        on = value in (1, True, "on", "true")
        switch_led(on)
        return 1 if on else 0


# What the board measures by itself.


def report(resource, unit, read):
    node.every(setting("period_ms", 5000))(lambda: node.value(resource, read(), unit))


for resource, unit, read in board.sensors():
    report(resource, unit, read)

# Your own sensors, for example a DHT22 at pin 4:
#
#     import dht, machine
#     sensor = dht.DHT22(machine.Pin(4))
#
#     @node.every(10_000)
#     def measure():
#         sensor.measure()
#         node.value("temperature", sensor.temperature(), unit="Cel")
#         node.value("humidity", sensor.humidity(), unit="%RH")

# Everything else.

wifi = None
station = board.station()
if station is not None:
    from aiot.wifi import Wifi

    wifi = Wifi(config.ssid, config.password, station)

node.run(
    Link(config.link, setting("user"), setting("user_password"), ca=setting("ca")),
    wifi,
    board.watchdog() if setting("watchdog", False) else None,
)
