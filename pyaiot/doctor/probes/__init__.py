# SPDX-License-Identifier: BSD-3-Clause
"""What looks at this host, at the broker and at the MQTT broker: thin, bounded in time, and changing nothing."""
