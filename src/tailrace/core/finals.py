"""What a stream gives at its end, and on the way there: shared by both clients."""

from __future__ import annotations

from .content import Message
from .cursor import Cursor
from .errors import StreamClosedError


def current_snapshot(cursor: Cursor) -> Message:
    """The message as far as it was read. Raises `RuntimeError` before its first event."""
    message = cursor.accumulator.snapshot()
    if message is None:
        raise RuntimeError("there is no message yet: its first event has not been read")
    return message


def final_message(cursor: Cursor) -> Message:
    """The complete message. Raises `StreamClosedError` where the stream was not read to its end."""
    message = cursor.accumulator.snapshot()
    stopped = message is not None and message.stopped_by_caller
    if message is None or not (cursor.accumulator.complete or stopped):
        raise StreamClosedError(
            "there is no final message: the stream was not read to its end", partial=message
        )
    return message


def final_text(message: Message) -> str:
    """The text of all text blocks, joined. Raises `RuntimeError` where there is none."""
    texts = [block.text for block in message.content if block.type == "text"]
    if not texts:
        kinds = ", ".join(sorted({str(block.get("type")) for block in message.content}))
        raise RuntimeError(
            "get_final_text() needs a reply with a text block, and this one has "
            f"{kinds or 'no content'}; use get_final_message() for its content"
        )
    return "".join(texts)
