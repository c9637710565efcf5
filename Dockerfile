# SPDX-License-Identifier: BSD-3-Clause
# All services in one image; which one runs is said by the command: docker run pyaiot aiot-broker
# docs/containers.md tells more. Both stages begin with the same image, as what the first installs the second runs.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
# Packages come from where pip on this machine has them, if `docker build --secret id=pip,src=/etc/pip.conf` says so.
# Node.js, which builds the page, is one of them; it stays here.
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY build_backend build_backend
COPY dashboard dashboard
COPY man man
COPY monitoring monitoring
COPY pyaiot pyaiot
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheel /src \
    && { test -f /src/pyaiot/dashboard/static/index.html || { cat /src/pyaiot/dashboard/static/not-built.txt; exit 1; }; } \
    && python -m venv --without-pip /opt/pyaiot \
    && pip --python /opt/pyaiot/bin/python install "$(echo /wheel/pyaiot-*.whl)[mqtt-broker]"

FROM ${BASE}
LABEL org.opencontainers.image.title="pyaiot" \
      org.opencontainers.image.description="Connects small devices to the web: gateways, broker, dashboard" \
      org.opencontainers.image.licenses="BSD-3-Clause"
# Fixed numbers: whoever mounts a folder knows whose it has to be. Only /var/lib/pyaiot* can be written to, and a new
# volume is as its folder is here. Below pyaiot-keys each service has the folder of its own keys.
RUN groupadd --gid 10001 pyaiot \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/pyaiot --shell /usr/sbin/nologin pyaiot \
    && install --directory --owner=10001 --group=10001 --mode=0700 \
        /var/lib/pyaiot /var/lib/pyaiot-owners /var/lib/pyaiot-devices /var/lib/pyaiot-devices/device-keys \
        /var/lib/pyaiot-keys /var/lib/pyaiot-keys/aiot-broker /var/lib/pyaiot-keys/aiot-coap-gateway \
        /var/lib/pyaiot-keys/aiot-mqtt-gateway /var/lib/pyaiot-keys/aiot-ws-gateway /var/lib/pyaiot-keys/aiot-http-gateway \
    && install --owner=10001 --group=10001 --mode=0600 /dev/null /var/lib/pyaiot-devices/devices
COPY --from=build /opt/pyaiot /opt/pyaiot
ENV HOME=/var/lib/pyaiot \
    PATH=/opt/pyaiot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIOT_DEVICE_OWNERS=/var/lib/pyaiot-owners/device-owners \
    AIOT_METRICS_PORT=9100
WORKDIR /var/lib/pyaiot
# Broker, dashboard; devices by CoAP, MQTT, WebSocket, HTTP.
EXPOSE 8000 8080 5683/udp 1886 8001 8002
STOPSIGNAL SIGTERM
USER 10001:10001
HEALTHCHECK --interval=60s --timeout=10s --start-period=20s CMD ["aiot", "health"]
# What follows the image's name is the command, whatever the image above says.
ENTRYPOINT []
CMD ["aiot", "--help"]
