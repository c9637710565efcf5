# SPDX-License-Identifier: BSD-3-Clause
"""A client of ``/ws`` that joins, reads one message, says so, and stops until it is sent SIGCONT.

Then it reads on until every ``text…`` it knows begins with the given words, and says how many messages that took.
Its arguments are the port, the words, and the number of such resources.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from websockets.sync.client import connect

port, words, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
texts: dict[tuple[str, str], str] = {}
messages = 0
with connect(f"ws://localhost:{port}/ws", compression=None, proxy=None, max_size=None) as client:
    client.send(json.dumps({"type": "new", "data": "client"}))
    client.recv()
    print("joined", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    while len(texts) < count or not all(text.startswith(words) for text in texts.values()):
        message = json.loads(client.recv(timeout=60))
        messages += 1
        if message["type"] == "update" and message["endpoint"].startswith("text"):
            texts[message["uid"], message["endpoint"]] = message["data"]
print(f"has the newest values after {messages} messages", flush=True)
