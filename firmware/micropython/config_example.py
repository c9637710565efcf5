# SPDX-License-Identifier: BSD-3-Clause
# Copy this file to config.py, fill it in, and copy it to the board. Whatever you do not need may be left out.

# Your Wi-Fi: 2.4 GHz, WPA2.
ssid = "the name of your Wi-Fi"
password = "its password"

# Where pyaiot runs. MQTT: mqtt://<address>:1886, encrypted mqtts://<address>:8883.
# WebSocket: ws://<address>:8001/node
link = "mqtt://192.168.1.10:1886"

# From `aiot device add <id>`; the board says its id on the console.
user = None
user_password = None

# How the dashboard calls this board.
name = "Greenhouse"

# The board's own id is taken from its chip. Set one only where there is no chip, as on the unix port.
id = None

# The LED: None for the board's own.
led_pin = None

# How often the board's own sensors are read, in milliseconds.
period_ms = 5000

# How many values are kept while there is no network.
keep = 64

# Reset the board when it hangs. Then give addresses as numbers in `link`: looking up a name may take too long.
watchdog = False

# The board: None finds out. Else a module of boards/: "generic_esp32", "esp8266", "pico_w", "pycom_board", "unix".
board = None

# For mqtts:// and wss://: the file, on the board, with the certificate (DER) that the server's is checked with.
ca = None
