"""The beginning of a streamed reply: what says nothing yet, and what is no stream at all.

Frames that carry nothing a reader could miss may be held back, and with them every failure that
comes before the first content: a `message_start`, pings, and the empty start of a text or thinking
block. What is held is read ahead before it is given out, so that an error in it can be repeated.
"""

from __future__ import annotations

from tailrace.core.cursor import Cursor
from tailrace.core.framing import ServerSentEvent

_OPENING = frozenset({"message_start", "ping"})
_EMPTY_STARTS = (b'{"type":"text"', b'{"type":"thinking"')


def is_opening(frame: ServerSentEvent) -> bool:
    """Whether a frame says nothing a reader could miss."""
    name = frame.event
    if name in _OPENING:
        return True
    data = frame.raw_data
    if name is None:
        return b'"message_start"' in data[:40] or b'"ping"' in data[:40]
    if name != "content_block_start":
        return False
    block = data.partition(b'"content_block":')[2].replace(b" ", b"")
    return block.startswith(_EMPTY_STARTS) and (b'"text":""' in block or b'"thinking":""' in block)


def look_ahead(frames: list[ServerSentEvent], cursor: Cursor) -> None:
    """Read what nobody has been given yet, and raise the error that is in it, if one is.

    As far as the first frame with content, and to the end where an `error` event is among them.
    """
    end = next(at for at, frame in enumerate(frames, 1) if not is_opening(frame))
    if any(frame.event == "error" for frame in frames):
        end = len(frames)
    probe = Cursor()
    probe.response = cursor.response
    probe.feed(frames[:end])
    while probe.next_raw() is not None:
        pass


def check_is_stream(cursor: Cursor) -> None:
    """Raise `StreamProtocolError` where the answer says that it is something else."""
    kind = cursor.response.headers.get("content-type", "") if cursor.response else ""
    if kind.startswith(("text/html", "application/json")):
        raise cursor.protocol_error(f"the answer is {kind.split(';')[0]}, not a stream")
