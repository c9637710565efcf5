# SPDX-License-Identifier: BSD-3-Clause
"""The link to the gateway: one connection after another, for ever, each with a session on it."""

import gc
import os

from micropython import const

from aiot import log
from aiot.backoff import Backoff
from aiot.session import Lost
from aiot.stream import Stream

#: A connection that is not there after so long will not be.
_CONNECT_MS = const(10000)
#: A session that lived so long has worked.
_PROVEN_MS = const(10000)
#: So many answers may wait to be sent before nothing more is read.
_MAX_REPLIES = const(16)

_PORTS = {"mqtt": 1886, "mqtts": 8883, "ws": 8001, "wss": 443}


class Link:
    """``url``: ``mqtt://host:1886``, ``mqtts://…``, ``ws://host:8001/node`` or ``wss://…``.

    ``user``, which is the id where devices have passwords, and ``password`` are for either. ``ca``: the file with the
    certificate, in DER, that the server's is checked with; ``verify=False`` encrypts without knowing for whom. Raises
    ValueError: not such an address.
    """

    def __init__(self, url, user=None, password=None, ca=None, verify=True):
        scheme, mark, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        if not mark or scheme not in _PORTS or not authority or "@" in authority:
            raise ValueError("%r is no address such as mqtt://192.168.1.10:1886 or ws://192.168.1.10:8001/node" % url)
        host, port = _host_and_port(authority)
        if scheme == "mqtts" and verify and ca is None:
            raise ValueError("mqtts:// needs ca= (the CA's certificate, a DER file), or verify=False")
        if scheme == "wss" and verify and ca is None:
            raise ValueError("wss:// needs ca= (the CA's certificate, a DER file), or verify=False")
        self.url = url
        self._host = host
        self._port = port or _PORTS[scheme]
        self._authority = authority
        self._path = slash + path or "/node"
        self._mqtt = scheme.startswith("mqtt")
        self._secure = scheme in ("mqtts", "wss")
        self._user = user
        self._password = password
        self._ca = ca
        self._verify = verify
        self._stream = None
        self._session = None
        self._output = b""
        self._since = 0
        self._up_since = None
        self._try_at = 0
        self._backoff = Backoff(_bits16)
        #: How often a session was lost.
        self.lost = 0

    @property
    def up(self):
        """Whether there is a session now."""
        return self._up_since is not None

    def step(self, node, now):
        """Do what can be done without waiting; whether anything was. Never raises for what the other side does."""
        try:
            if self._stream is None:
                if now < self._try_at:
                    return False
                self._connect(now)
                return True
            if self._session is None:
                return self._begin(node, now)
            return self._exchange(node, now)
        except (OSError, Lost) as error:
            self._end(node, now, error)
        except Exception as error:  # MemoryError, or a fault of ours: a new session may do better
            log.fault("the link", error)
            self._end(node, now, "a fault of our own")
            gc.collect()
        return True

    def drop(self, node, now, why):
        """The network is gone: so is this."""
        if self._stream is not None:
            self._end(node, now, why)

    def _connect(self, now):
        gc.collect()  # sockets and sessions want memory in one piece
        self._since = now
        tls = (_read(self._ca) if self._ca else None, self._verify) if self._secure else None
        self._stream = Stream(self._host, self._port, tls)

    def _begin(self, node, now):
        if not self._stream.connected():
            if now - self._since > _CONNECT_MS:
                raise OSError("no answer")
            return False
        if self._mqtt:
            from aiot.mqtt import MqttSession

            self._session = MqttSession(node, now, _bits16, self._user, self._password)
        else:
            from aiot.websocket import WebSocketSession

            self._session = WebSocketSession(
                node, now, os.urandom, self._authority, self._path, self._user, self._password
            )
        self._output = self._session.opening()
        return True

    def _exchange(self, node, now):
        busy = False
        session = self._session
        if len(session.replies) < _MAX_REPLIES:
            data = self._stream.receive()
            if data:
                busy = True
                session.received(data, now)
                if session.up and self._up_since is None:
                    self._up_since = now
                    kept = len(node.outbox)
                    log.say("Connected to %s as %s%s" % (self.url, node.id, ", %d values kept" % kept if kept else ""))
        if self._up_since is not None and now - self._up_since > _PROVEN_MS:
            self._backoff.succeeded()
        if not self._output:
            self._output = session.next(now) or b""
        if self._output:
            sent = self._stream.send(self._output)
            self._output = self._output[sent:]
            busy = busy or sent > 0
        return busy

    def _end(self, node, now, why):
        if self._session is not None:
            self._session.close()
        if self._stream is not None:
            self._stream.close()
        wait = self._backoff.failed()
        if self._up_since is None:
            log.complain(str(why), "Cannot reach %s: %s" % (self.url, why))
        else:
            self.lost += 1
            log.say("Lost %s: %s" % (self.url, why))
            if now - self._up_since < _PROVEN_MS and isinstance(why, OSError):
                log.complain("twins", "Lost so soon: does another device use the id %s?" % node.id)
        self._stream = self._session = self._up_since = None
        self._output = b""
        self._try_at = now + wait


def _host_and_port(authority):
    if authority.startswith("["):  # IPv6
        host, end, tail = authority[1:].partition("]")
        port = tail[1:] if tail.startswith(":") else tail
        host = host if end else ""
    else:
        host, _, port = authority.partition(":")
    if not host or (port and not port.isdigit()):
        raise ValueError("%r is no host and port" % authority)
    return host, int(port) if port else 0


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _bits16():
    two = os.urandom(2)
    return two[0] << 8 | two[1]
