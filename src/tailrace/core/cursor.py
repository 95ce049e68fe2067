"""One place in a stream, shared by every way of reading it.

Theory of operation. The exchange brings frames (server-sent events), a chunk's worth at a time;
they wait here undecoded, and are taken one by one by whoever asks next: `next_event` (the helper's
order: the wire event, then at most one derived event; enriched stops replace theirs), `next_raw`
(wire events only) or `next_text` (text and nothing else). Each leaves the message exactly as far as
its caller has read, so the three can be mixed freely. `None` means: bring more frames.

An `error` event, malformed JSON and events out of order are raised here, with what had arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, cast

import msgspec

from .accumulate import Accumulator
from .errors import APIError, StreamProtocolError, StreamTruncatedError, stream_error
from .events import (
    RawContentBlockDeltaEvent,
    RawMessageStreamEvent,
    TextEvent,
    decode_payload,
    wire_event,
)
from .framing import ServerSentEvent
from .growing import GrowingText
from .http import Response
from .recovery import Continuation
from .seam import Seam

_REPLACED = frozenset({"content_block_stop", "message_stop"})
_MISSHAPEN = (ValueError, LookupError, TypeError, AttributeError)


class _Restarted(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "RESTARTED"


RESTARTED = _Restarted()
"""The piece of text, empty, at which a reply begins anew; compare with `is`."""


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text_delta"]
    text: str


class _TextDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["content_block_delta"]
    index: Annotated[int, msgspec.Meta(ge=0)]
    delta: _Text


# Half the cost of decoding to a dict. Any field it does not know makes it refuse, and the event
# then takes the general way, so nothing is lost by it.
_decode_text = msgspec.json.Decoder(_TextDelta).decode


_decode = msgspec.json.Decoder().decode
_NO_TEXT = GrowingText()


class Cursor:
    """Where the reader is."""

    __slots__ = (
        "_frames",
        "_growing",
        "_in_full",
        "_pending",
        "_seam",
        "_text_index",
        "_waiting",
        "_watch",
        "accumulator",
        "drained",
        "on_tool_use",
        "response",
        "stop_asked",
    )

    def __init__(self) -> None:
        self.accumulator = Accumulator()
        self.response: Response | None = None
        self.drained = True
        """Whether it is known that there is no text before more frames are brought."""
        self.stop_asked = False
        """Whether the reader wants no more: it called `stop`, or what it waits for came."""
        self.on_tool_use: Callable[[Any], object] | None = None
        """Told of each tool call's block the moment it is complete."""
        self._frames: Iterator[ServerSentEvent] = iter(())
        self._pending: Any = None  # the derived event still owed, or what to make it from
        self._text_index = -1  # of the block whose text is `_growing`, while nothing else comes
        self._growing = _NO_TEXT
        self._in_full = False  # whether `next_text` must look at whole events, from now on
        self._waiting: list[dict[str, Any]] = []  # events that come before the next frame
        self._seam: Seam | None = None
        self._watch: Callable[[Any], object] | None = None

    def feed(self, frames: Iterable[ServerSentEvent]) -> None:
        """Bring the next frames; those before them must have been read."""
        if not self.accumulator.finished:
            self._frames = iter(frames)
            self.drained = False

    def stop(self) -> None:
        """Read no more: what was brought and not read is dropped."""
        self.stop_asked = True
        self.drop()

    def watch(self, predicate: Callable[[Any], object]) -> None:
        """Set `stop_asked` once `predicate` is true of an event that was read.

        Each one that was set is asked about every event.
        """
        self._in_full = True
        earlier = self._watch
        if earlier is None:
            self._watch = predicate
        else:
            self._watch = lambda event: any((earlier(event), predicate(event)))

    def next_event(self) -> Any:
        """The next event in the helper's order, or `None` when more frames are needed."""
        pending: Any = self._pending
        if pending is not None:
            self._pending = None
            if type(pending) is _TextDelta:
                return self.accumulator.text_event(pending.index, pending.delta.text)
            if type(pending) is tuple:
                return TextEvent(*cast("Any", pending))
            return pending if self._watch is None else self._seen(pending)
        event = self._next_wire_event()
        if event is None:
            return None
        derived = self._apply(event)
        if derived is not None:
            if event["type"] in _REPLACED:
                return derived if self._watch is None else self._seen(derived)
            self._pending = derived
        return event if self._watch is None else self._seen(event)

    def next_raw(self) -> RawMessageStreamEvent | None:
        """The next wire event, or `None` when more frames are needed."""
        self._pending = None
        event = self._next_wire_event()
        if event is not None:
            self._apply(event)
            if self._watch is not None:
                self._seen(event)
        return event

    def next_text(self) -> str | None:
        """The next piece of text, or `None` when more frames are needed.

        Where a reply begins anew (recovery by restart) the piece is `RESTARTED`, which is empty.
        """
        self._pending = None
        if self._in_full:
            return self._next_text_in_full()
        for frame in self._frames:
            data = frame.raw_data
            if frame.event == "content_block_delta" and (text := self.text_in(data)) is not None:
                return text
            wire = self._read(frame)
            found = None if wire is None else self._text_of(wire)
            if found is not None:
                return found
            if self.accumulator.finished:
                break
        self.drained = True
        return None

    def text_in(self, data: bytes) -> str | None:
        """Take the next event by its data, if it is a delta of text; else `None`, and take nothing.

        For a `content_block_delta` that comes when everything before it was taken.
        """
        if b'"text_delta"' not in data or self._in_full:
            return None
        try:
            event = _decode_text(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        text = event.delta.text
        if event.index == self._text_index or self._find_text(event.index):
            growing = self._growing
            growing.pending.append(text)  # as its `append`: this runs for each event
            growing.length += len(text)
            self._pending = event
        return text

    def _find_text(self, index: int) -> bool:
        """Find the text that a block's next pieces are added to, until anything else comes."""
        try:
            growing = self.accumulator.growing_text(index)
        except _MISSHAPEN as error:
            raise self.protocol_error(str(error)) from error
        if growing is None:
            return False
        self._text_index, self._growing = index, growing
        return True

    def _next_text_in_full(self) -> str | None:
        while (event := self._next_wire_event()) is not None:
            text = self._text_of(event)
            if text is not None:
                return text
        self.drained = True
        return None

    def _next_wire_event(self) -> RawMessageStreamEvent | None:
        waiting = self._waiting
        if not waiting and self._seam is None:
            for frame in self._frames:
                event = self._read(frame)
                if event is not None:
                    return event
            return None
        while True:
            if waiting:
                return wire_event(waiting.pop(0))
            for frame in self._frames:
                event = self._read(frame)
                if event is None:
                    continue
                if self._seam is None:
                    return event
                waiting.extend(self._rewritten(event, self._seam))
                if event["type"] == "message_start":
                    self.accumulator.continue_usage(self._seam.usage)
                break
            else:
                return None

    def _rewritten(self, event: RawMessageStreamEvent, seam: Seam) -> list[dict[str, Any]]:
        try:
            return seam.rewrite(event)
        except _MISSHAPEN as error:
            raise self.protocol_error(f"{event.get('type')}: {error}") from error

    def _seen(self, event: Any) -> Any:
        if self._watch is not None and self._watch(event):
            self.stop_asked = True
        return event

    def _text_of(self, event: Any) -> str | None:
        derived = self._apply(event)
        kind = event["type"]
        if kind not in _REPLACED:
            self._seen(event)
        if kind == "stream_restarted":
            return RESTARTED
        if kind != "content_block_delta" or event["delta"].get("type") != "text_delta":
            if derived is not None:
                self._seen(derived)
            return None
        # The predicate sees the text event now, with its text; it still is the next event.
        if derived is not None and self._watch is not None:
            self._seen(derived)
            derived = (derived.text, derived._source, derived._end)
        self._pending = derived
        text = event["delta"].get("text")
        if type(text) is not str:
            raise self.protocol_error("a text_delta has no text")
        return text

    # -- going on after a failure --------------------------------------------------------------

    def go_on(self, continuation: Continuation, note: dict[str, Any]) -> None:
        """Expect the frames of a continuation; `note` is the event that says so."""
        self.drop()
        self.accumulator.give_up(len(continuation.discarded))
        self._seam = Seam(continuation, kept=self.accumulator.block_count)
        self._waiting.append(note)
        self.drained = False
        self._in_full = True

    def start_over(self, note: dict[str, Any]) -> None:
        """Expect the frames of a reply that begins anew; `note` is the event that says so."""
        self.drop()
        self.accumulator = Accumulator()
        self._waiting.append(note)
        self.drained = False
        self._in_full = True

    def drop(self) -> None:
        """Forget what was brought and not read."""
        self._frames = iter(())
        self._pending = None
        self._text_index = -1
        self._waiting.clear()
        self._seam = None

    def _read(self, frame: ServerSentEvent) -> RawMessageStreamEvent | None:
        """The event a frame holds; `None` for pings and for frames without data."""
        name = frame.event
        if name == "content_block_delta":
            # Nearly every frame is one; whatever is odd about it takes the general way below.
            try:
                payload = _decode(frame.raw_data)
                if payload["type"] == name:
                    return RawContentBlockDeltaEvent(payload)
            except (msgspec.MsgspecError, RecursionError, LookupError, TypeError, ValueError):
                pass
        if name == "error":
            raise self._error_event(frame)
        if name == "ping" or not frame.raw_data:
            return None
        try:
            payload = decode_payload(frame.raw_data)
        except ValueError as error:
            if frame.raw_data == b"[DONE]":  # some gateways close with it; it means nothing here
                return None
            raise self.protocol_error(f"an event's data is not JSON ({error})") from error
        if not isinstance(payload, dict):
            raise self.protocol_error("an event's data is JSON but not an object")
        data = cast("dict[str, Any]", payload)
        kind = data.setdefault("type", name)
        if kind == "ping":
            return None
        if kind == "error":
            raise self._error_event(frame)
        return wire_event(data)

    def _apply(self, event: RawMessageStreamEvent) -> Any:
        self._text_index = -1
        try:
            if type(event) is RawContentBlockDeltaEvent:
                return self.accumulator.apply_delta(event)
            derived = self.accumulator.apply(event)
        except _MISSHAPEN as error:
            raise self.protocol_error(f"{event.get('type')}: {error}") from error
        if event["type"] == "content_block_stop" and self.on_tool_use is not None:
            if derived.content_block.type == "tool_use":
                self.on_tool_use(derived.content_block)
        elif self.accumulator.finished:
            self.drop()  # the message ends here, whatever else the body holds
        return derived

    # -- errors, each with what had arrived ----------------------------------------------------

    def _error_event(self, frame: ServerSentEvent) -> APIError:
        try:
            body: Any = decode_payload(frame.raw_data)
        except ValueError:
            body = frame.data
        return self.attach(stream_error(self.response or Response(200), body))

    def protocol_error(self, what: str) -> StreamProtocolError:
        """The error for a stream that does not make sense; `what` says where, without content."""
        return StreamProtocolError(f"The stream is malformed: {what}.", **self._arrived())

    def truncated(self, what: str) -> StreamTruncatedError:
        """The error for a reply that was cut; `what` says how the body ended."""
        return StreamTruncatedError(
            f"The reply was cut: {what} before the API said that the message was finished.",
            **self._arrived(),
        )

    def attach(self, error: APIError) -> APIError:
        """The same error, with what had arrived."""
        error.partial = self.accumulator.snapshot()
        return error

    def _arrived(self) -> dict[str, Any]:
        response = self.response
        return {
            "request": response.request.redacted() if response and response.request else None,
            "request_id": response.request_id if response else None,
            "partial": self.accumulator.snapshot(),
            "complete_blocks": self.accumulator.complete_blocks,
        }
