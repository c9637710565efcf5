# SPDX-License-Identifier: BSD-3-Clause
"""A session with the MQTT broker: PROTOCOL.md section 1.2, from the board's side. Pure.

Everything is published with QoS 1. Nobody needs PINGREQ: ``node/check`` goes out every 30 s, and its PUBACK tells that
the MQTT broker is there. Values also wait for a sign of the gateway: without one the MQTT broker would deliver them
late, and nobody would know how late.
"""

import struct

from micropython import const

from aiot import log, messages
from aiot import mqtt_packets as packets
from aiot.session import WINDOW, Lost, Session

_KEEPALIVE_S = const(60)
_CHECK_MS = const(30000)
#: All nodes are asked at once by ``gateway/check``; the answers are spread over this time.
_SPREAD_MS = const(1024)
#: A gateway answers ``resources`` at once, and asks for checks every 30 s. If there is none for so long, values go out
#: all the same: to whoever else may listen.
_GATEWAY_MS = const(35000)

_REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not accept the client id",
    3: "it is not available",
    4: "wrong user or password",
    5: "wrong user or password, or not allowed",
}


class MqttSession(Session):
    """``bits16`` gives a random integer below 65536."""

    def __init__(self, node, now, bits16, user=None, password=None):
        super().__init__(node, now)
        self._bits16 = bits16
        self._user = user
        self._password = password
        self._parser = packets.Parser()
        self._packet_id = 0
        self._check_at = now
        #: Whether the gateway is there: it said so, or said that it is not; None as long as it said nothing.
        self._gateway = None
        #: How many resources the gateway was told of; it is told again when there are more.
        self._named = 0

    def opening(self):
        """CONNECT. The will takes the node out at once when the link breaks."""
        uid = self.node.id
        return packets.connect(uid, _KEEPALIVE_S, "node/%s/out" % uid, "lost", self._user, self._password)

    def received(self, data, now):
        """Raises Lost: refused, or not MQTT."""
        try:
            for first, body, whole in self._parser.feed(data):
                self._packet(first, body, whole, now)
        except ValueError as error:
            raise Lost("the MQTT broker sent %s" % error)

    def next(self, now):
        """Answers first, then checks, then resources, then values."""
        reply = self._reply(now)
        if reply is not None or not self.up or len(self._flight) >= WINDOW:
            return reply
        node = self.node
        if now >= self._check_at:
            self._check_at = now + _CHECK_MS
            return self._publish("node/check", messages.check_message(node.id), None, None, now)
        if self._named != node.named:
            self._named = node.named
            return self._publish(
                "node/%s/resources" % node.id, messages.resources_message(node.names()), None, None, now
            )
        if not self._gateway:
            if self._gateway is False or now - self._began < _GATEWAY_MS:
                return None
            log.say("No gateway answers at %s: values are sent all the same" % node.id)
            self._gateway = True
        told = node.next()
        if told is None:
            return None
        number, entry, text, at = told
        payload = messages.value_message(text, entry.unit, 0 if at is None else now - at)
        return self._publish("node/%s/%s" % (node.id, entry.name), payload, number, entry, now)

    def _publish(self, topic, payload, number, entry, now):
        self._packet_id = self._packet_id % 0xFFFF + 1
        self._flight.append((self._packet_id, number, entry, now))
        return packets.publish(self._packet_id, topic, payload)

    def _packet(self, first, body, whole, now):
        kind = first & 0xF0
        if kind == packets.PUBLISH:
            self._published(first, body, whole, now)
        elif kind == packets.PUBACK and len(body) == 2:
            self._landed(struct.unpack(">H", body)[0], False)
        elif kind == packets.CONNACK and len(body) == 2:
            if body[1]:
                raise Lost("the MQTT broker refuses: %s" % _REFUSALS.get(body[1], "code %d" % body[1]))
            uid = self.node.id
            self._packet_id = 1
            topics = ("gateway/state", "gateway/check", "gateway/%s/discover" % uid, "gateway/%s/+/set" % uid)
            self.replies.append(packets.subscribe(1, topics))
        elif kind == packets.SUBACK and len(body) > 2:
            if 0x80 in body[2:]:
                log.say("The MQTT broker does not let %s subscribe: writes will not come" % self.node.id)
            self.up = True
        else:
            raise Lost("the MQTT broker sent a packet that makes no sense (%02x)" % first)

    def _published(self, first, body, whole, now):
        topic, packet_id, payload = packets.read_publish(first, body)
        if packet_id is not None:
            self.replies.append(packets.puback(packet_id))
        if topic == b"gateway/state" and payload == b"offline":
            self._gateway = False
            log.say("The gateway is offline: values are kept")
            return
        if first & packets.RETAIN:
            if topic == b"gateway/state":
                return  # "online": so it was, when it said so
            # It was meant for some other time, and would come again at every reconnect.
            log.complain("retained", "Ignored a retained message on %s: publish it without -r" % _printable(topic))
            return
        if self._gateway is False:
            log.say("The gateway is back")
        self._gateway = True
        node = self.node
        own = b"gateway/%s/" % node.id.encode()
        if topic == b"gateway/state":
            return
        if topic == b"gateway/check":
            self._check_at = min(self._check_at, now + self._bits16() % _SPREAD_MS)
        elif not whole:
            node.bad += 1
            log.complain("long", "Ignored a message on %s: too long" % _printable(topic))
        elif topic == own + b"discover":
            asked = payload.rstrip(b"\0")
            if asked == b"values":
                node.tell_all()
            elif asked == b"resources":
                self._named = 0
            else:
                node.bad += 1
        elif topic.startswith(own) and topic.endswith(b"/set"):
            try:
                resource = str(topic[len(own) : -4], "utf-8")
                value = messages.read_written(payload)
            except ValueError as error:
                node.bad += 1
                log.complain("bad", "Ignored a message on %s: %s" % (_printable(topic), error))
                return
            node.write(resource, value)
        else:
            node.bad += 1


def _printable(topic):
    return "".join([chr(each) if 32 <= each < 127 else "?" for each in topic[:100]])
