#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs avahi-daemon with a D-Bus of its own, and browses for the type $1 for ever. Start it by
# `unshare --mount --pid --fork --kill-child`: so nobody else sees them, and all of it ends with that.
PATH=$PATH:/usr/sbin
mount -t tmpfs none /run || exit 1
mkdir -p /run/dbus /run/avahi-daemon
printf '[server]\nhost-name=avahi-host\nenable-dbus=yes\n' >/run/avahi.conf
dbus-daemon --system --nopidfile --nofork --nosyslog --address=unix:path=/run/dbus/system_bus_socket &
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
avahi-daemon -f /run/avahi.conf --no-drop-root --no-chroot --no-rlimits &
until avahi-browse -t "$1" 2>/dev/null; do sleep 0.05; done
avahi-browse -rp "$1" &
wait
