"""Claude goes on from the events of a reply whose producer died.

Theory of operation. Claude cannot resume a stream, so a new request asks it to go on from the text
there is, in the form the model takes (`core.recovery`); its reply is rewritten into the rest of the
first one and stripped of what it repeats (`core.seam`). Viewers see one message go on. Its id and
its beginning stay; the usage is that of both requests, as far as it is known, and is marked with
`"certainty": "lower_bound"`, because what the first request cost after its start died with its
producer.

What viewers have been shown cannot be taken back, so where more than text was open (thinking, a
tool's input) there is no going on; nor after a completed tool call, which somebody may have run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from tailrace.core.accumulate import Accumulator, EventOrderError
from tailrace.core.events import wire_event
from tailrace.core.recovery import Continuation, continuation
from tailrace.core.seam import Seam

from .records import Event


class Beginning(NamedTuple):
    """What there is of a reply, and how to go on from it (`None`: nothing is missing)."""

    message: Accumulator
    going_on: Continuation | None


def beginning(params: Event, so_far: Sequence[Event]) -> Beginning:
    """The reply so far. Raises `ValueError`, saying why, where there is no going on from it."""
    message = Accumulator()
    try:
        for event in so_far:
            message.apply(wire_event(event))
    except (EventOrderError, LookupError, TypeError) as error:
        raise ValueError("what there is of the reply cannot be read") from error
    if message.complete:
        return Beginning(message, None)
    partial = message.snapshot()
    going_on = continuation(params, partial, message.complete_blocks)
    if going_on is None:
        raise ValueError("Claude cannot go on after a tool call")
    blocks: list[Any] = list(partial["content"]) if partial is not None else []
    for index in going_on.discarded:
        if blocks[index].get("type") != "text":
            kind = blocks[index].get("type")
            raise ValueError(f"Claude cannot go on inside a block of type {kind}")
        going_on = going_on._replace(open_text=index)  # it has no text yet: the next is its first
    return Beginning(message, going_on)


class Rest:
    """Rewrites the events of the new reply into the rest of the one that was begun."""

    def __init__(self, message: Accumulator, going_on: Continuation) -> None:
        self._message = message
        self._started = message.started
        self._seam = Seam(going_on, kept=message.block_count)

    def of(self, event: Event) -> Iterator[Event]:
        """The events that take the place of one of the new reply."""
        if not self._started:
            yield event
            return
        for rewritten in self._seam.rewrite(event):
            yield self._added_up(rewritten) if rewritten["type"] == "message_delta" else rewritten
        if event.get("type") == "message_start":
            self._message.continue_usage(self._seam.usage)

    def _added_up(self, event: Event) -> Event:
        self._message.apply(wire_event(dict(event)))
        message = cast("Any", self._message.snapshot())
        usage = {name: value for name, value in message["usage"].items() if value is not None}
        return {**event, "usage": {**usage, "certainty": "lower_bound"}}
