# SPDX-License-Identifier: BSD-3-Clause
# Freezes the library into a firmware; in a port of MicroPython: make BOARD=… FROZEN_MANIFEST=<this file>
# main.py and config.py stay on the board's file system.
include("$(PORT_DIR)/boards/manifest.py")
package("aiot")
package("boards")
