"""The message around the content: what a stream says besides what was scripted.

`message_start` with a small placeholder for `output_tokens`, block starts with empty content, a
`ping` after the first of them, a cumulative usage in `message_delta`, and padding spaces before the
closing brace, as in recorded streams. It also keeps the count of what was said: block indices,
tokens, and the limits the request sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from random import Random
from typing import Any

import msgspec

from tailrace.simulator import acts, ids, tokens
from tailrace.simulator.ask import Ask
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Piece

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
"""A ping event; the space after the colon is the wire's own."""

_PLACEHOLDER = 8  # the largest output_tokens seen in message_start of short prompts
_MAX_PADDING = 16
_JSON = msgspec.json.Encoder().encode


class Envelope:
    """One message while it is told, event by event."""

    def __init__(self, ask: Ask, rng: Random, pace: Pace, padding: bool) -> None:
        self.ask = ask
        self.rng = rng
        self._pace = pace
        self._gaps = pace.gaps(rng)
        self._padding = padding
        self.index = 0
        self._spent = 0  # output tokens so far
        self.thought = 0  # those of them that were thinking
        self.opened = False  # message_start is out
        self.spoke = False  # some content came from an act of ours
        self.foreign = False  # raw events or bytes came
        self.over = False  # the script itself ended the message, or a limit of the request did
        self._waited_first = False
        self.stop: acts.Stop | None = None
        self.usage = acts.Usage()
        self.fields: Mapping[str, Any] = {}

    def open(self) -> Iterator[Piece]:
        """`message_start`, if it is not out yet."""
        self.spoke = True
        if self.opened:
            return
        self.opened = True
        message: dict[str, Any] = {
            "model": self.ask.model,
            "id": ids.message(self.rng),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": self._start_usage(),
        }
        yield self.event({"type": "message_start", "message": {**message, **self.fields}})

    def close(self) -> Iterator[Piece]:
        """`message_delta` and `message_stop`."""
        yield from self.open()
        stop = self.stop or acts.Stop()
        details = stop.details
        if details is None and stop.reason == "refusal":
            details = {"type": "refusal", "category": None, "explanation": None}
        delta = {
            "stop_reason": stop.reason,
            "stop_sequence": stop.sequence,
            "stop_details": details,
        }
        yield self.event({"type": "message_delta", "delta": delta, "usage": self._end_usage()})
        yield self.event({"type": "message_stop"})

    def _input_usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.ask.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            **self.ask.usage,
        }

    def _start_usage(self) -> dict[str, Any]:
        figures = self._input_usage()
        return {
            **figures,
            "cache_creation": {
                "ephemeral_5m_input_tokens": figures["cache_creation_input_tokens"],
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": self.rng.randint(1, _PLACEHOLDER),
            "service_tier": "standard",
            "inference_geo": "not_available",
            **self.usage.start,
        }

    def _end_usage(self) -> dict[str, Any]:
        thought = {"output_tokens_details": {"thinking_tokens": self.thought}}
        return {
            **self._input_usage(),
            "output_tokens": max(self._spent, min(self.ask.max_tokens, 1)),
            **(thought if self.thought else {}),
            **self.usage.end,
        }

    def event(self, data: Mapping[str, Any], after: float = 0.0) -> Piece:
        """One event of this data, padded as the API pads.

        JSON without line breaks needs nothing of what `framing.encode` does for others.
        """
        body = _JSON(data)
        spaces = int(self.rng.random() * _MAX_PADDING) if self._padding else 0
        if spaces:
            body = b"%b%*b}" % (body[:-1], spaces, b"")
        return Piece(after, b"event: %b\ndata: %b\n\n" % (data["type"].encode(), body))

    def block(
        self,
        block: Mapping[str, Any],
        deltas: Iterable[Mapping[str, Any]],
        pace: Pace | None = None,
    ) -> Iterator[Piece]:
        """A block's start, its deltas at their pace, its stop."""
        yield from self.open()
        index = self.index
        self.index += 1
        yield self.event({"type": "content_block_start", "index": index, "content_block": block})
        if index == 0:
            yield Piece(0.0, PING)
        for delta, gap in zip(deltas, self.gaps(pace), strict=False):
            yield self.event(
                {"type": "content_block_delta", "index": index, "delta": delta}, after=gap
            )
        yield self.event({"type": "content_block_stop", "index": index})

    def gaps(self, pace: Pace | None) -> Iterator[float]:
        """The gaps of one block; the time to first token comes before the reply's first delta."""
        gaps = self._gaps if pace is None else pace.gaps(self.rng)
        if pace is not None or not self._waited_first:
            self._waited_first = True
            gaps = chain([(pace or self._pace).first_token], gaps)
        return gaps

    def spend(self, pieces: Iterable[str], *, thinking: bool = False) -> Iterator[str]:
        """The pieces the request's max_tokens leaves room for."""
        limit = self.ask.max_tokens
        for piece in pieces:
            cost = tokens.count(piece)
            if self._spent + cost > limit:
                self.end_with(acts.Stop("max_tokens"))
                return
            self._spent += cost
            self.thought += cost if thinking else 0
            yield piece

    def end_with(self, stop: acts.Stop) -> None:
        """A limit of the request ends the reply here."""
        self.stop = stop
        self.over = True

    def note(self, data: Mapping[str, Any]) -> None:
        """Keep the envelope in step with an event the script sends itself."""
        kind = data.get("type")
        if kind == "message_start":
            self.opened = True
        elif kind == "content_block_start":
            self.index = max(self.index, int(data.get("index", 0)) + 1)
        elif kind == "message_stop":
            self.spoke, self.foreign, self.over = False, True, True
