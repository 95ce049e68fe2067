"""Names in the API's own style: `msg_01...`, `toolu_01...`, `req_011C...`, from given dice."""

from __future__ import annotations

import base64
from random import Random

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def message(rng: Random) -> str:
    """A message's id."""
    return "msg_01" + _some(rng, 22)


def tool_use(rng: Random) -> str:
    """A tool call's id."""
    return "toolu_01" + _some(rng, 22)


def server_tool_use(rng: Random) -> str:
    """A server tool call's id."""
    return "srvtoolu_01" + _some(rng, 22)


def request(rng: Random) -> str:
    """A request's id, which is in the `request-id` header and in error bodies."""
    return "req_011C" + _some(rng, 20)


def signature(rng: Random) -> str:
    """Something that looks like a thinking block's signature; nothing verifies it."""
    return "Er" + base64.b64encode(rng.randbytes(180)).decode()


def _some(rng: Random, length: int) -> str:
    return "".join(rng.choices(_BASE58, k=length))
