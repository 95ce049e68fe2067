"""What a stream gives at its end, and on the way there: shared by both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .content import Message
from .cursor import Cursor
from .errors import StreamClosedError

if TYPE_CHECKING:
    from .output import GrowingOutput
    from .segments import Splitter


def current_snapshot(cursor: Cursor) -> Message:
    """The message as far as it was read. Raises `RuntimeError` before its first event."""
    message = cursor.accumulator.snapshot()
    if message is None:
        raise RuntimeError("there is no message yet: its first event has not been read")
    return message


def final_message(cursor: Cursor, output: GrowingOutput | None = None) -> Message:
    """The complete message, its text read as the output format if there is one.

    Raises `StreamClosedError` where the stream was not read to its end, `OutputParseError` where
    the text does not fit the format.
    """
    message = cursor.accumulator.snapshot()
    stopped = message is not None and message.stopped_by_caller
    if message is None or not (cursor.accumulator.complete or stopped):
        raise StreamClosedError(
            "there is no final message: the stream was not read to its end", partial=message
        )
    if output is not None and not stopped and message.parsed_output is None:
        from .output import read_output

        read_output(message, output.output_type)
    return message


def current_output(cursor: Cursor, output: GrowingOutput | None) -> Any:
    """The partial object of the first text so far, `None` before there is any.

    Raises `RuntimeError` without an output format.
    """
    if output is None:
        raise RuntimeError("partial_output needs output_format= in the call to stream()")
    message = cursor.accumulator.snapshot()
    blocks = [] if message is None else message.content
    text = next((block.text for block in blocks if block.type == "text"), "")
    return output.value(text)


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


def growing_output(output_type: Any) -> GrowingOutput | None:
    """What follows the output of a stream with this output format, `None` without one."""
    if output_type is None:
        return None
    from .output import GrowingOutput

    return GrowingOutput(output_type)


def new_splitter(name: str) -> Splitter:
    """A fresh splitter of text, by its class's name; loaded when first needed."""
    from . import markdown_blocks, segments

    home = markdown_blocks if name == "MarkdownBlocks" else segments
    splitter: Splitter = getattr(home, name)()
    return splitter
