# SPDX-License-Identifier: BSD-3-Clause
"""What may be called what (PROTOCOL.md section 2): gateways, nodes and resources."""

import re

#: Names of gateways, and the uid of a node within its gateway.
NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
#: A resource: the same characters, and ``/`` between them.
RESOURCE = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9._:-]+(?:/[A-Za-z0-9._:-]+)*", re.ASCII)

#: The gateway that programs which register at the broker are nodes of; no gateway that connects has this name.
PEER_GATEWAY = "peer"


def is_name(text: str) -> bool:
    """Whether ``text`` can be the name of a gateway or the uid of a node."""
    return NAME.fullmatch(text) is not None


def is_resource(text: str) -> bool:
    """Whether ``text`` can be the name of a resource."""
    return RESOURCE.fullmatch(text) is not None
