"""Prompt caching: which part of a prompt was seen before, in tokens.

As the API does it, the prompt is a row of blocks (tools, then system, then messages). A block with
`cache_control` asks for everything up to it to be kept, for five minutes or an hour, renewed by
use. The longest kept beginning is read, the rest up to the last mark is written, what follows is
ordinary input. Beginnings shorter than 1,024 tokens are not kept. Time is an argument, in seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tailrace.simulator import tokens
from tailrace.simulator.loose import a_dict, dicts

LEAST_TOKENS = 1024
"""The shortest beginning that is kept, in tokens; some models ask for more."""

_LIFE = {"5m": 300.0, "1h": 3600.0}


class Cache:
    """What was kept, and until when."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}

    def usage(self, body: Mapping[str, Any], now: float) -> dict[str, int]:
        """The input side of a request's usage; keeps what it asks to be kept."""
        total = tokens.count_request(body)
        digest = hashlib.sha256(str(body.get("model")).encode())
        size = read = marked = 0
        for block, life in _units(body):
            digest.update(msgspec.json.encode(_unmarked(block)))
            size = min(size + tokens.count_request({"system": [block]}) - 3, total)
            key = digest.digest()
            if self._until.get(key, now) > now:
                read = size
            if life and size >= LEAST_TOKENS:
                self._until[key] = now + life
                marked = size
        read = min(read, marked)
        return {
            "input_tokens": total - marked,
            "cache_creation_input_tokens": marked - read,
            "cache_read_input_tokens": read,
        }


def _units(body: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    """The prompt's blocks in their order, each with the seconds it is to be kept (0: not)."""
    units = [*_blocks(body.get("tools")), *_blocks(body.get("system"))]
    for message in _blocks(body.get("messages")):
        role = {"role": message.get("role")}
        units += [{**role, **block} for block in _blocks(message.get("content"))]
    everything = _life(body)
    for at, block in enumerate(units):
        yield block, _life(block) or (everything if at == len(units) - 1 else 0.0)


def _blocks(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    return dicts(value)


def _life(block: Mapping[str, Any]) -> float:
    mark = block.get("cache_control")
    return _LIFE.get(a_dict(mark).get("ttl", "5m"), _LIFE["5m"]) if mark else 0.0


def _unmarked(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "cache_control"}
