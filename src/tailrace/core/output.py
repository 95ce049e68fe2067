"""Structured output as a stream has it: partial objects, finished items, the value at the end.

Theory of operation. The text of a reply with an `output_format` is JSON that grows. `GrowingOutput`
feeds a parser with the text that is new whenever somebody looks, and makes typed objects only of
what that text changed, so looking at every event is linear over the stream. `Items` follows the
text of its own reader and gives each element of one array once nothing can change it. At the end
each text block is read strictly, once; a reply that does not fit raises then, with the whole
message attached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .content import Message
from .cursor import RESTARTED
from .partial_json import PartialJSON
from .partial_values import PartialOutput
from .problems import Path
from .reading import read
from .shapes import Array, Model, OneOf, Record, Shape, Table
from .structured import OutputParseError, parse_output
from .type_shapes import shape_of


class GrowingOutput:
    """The typed value of a text that grows.

    Each look gives a new object for what still grows; finished elements of lists are the same
    objects in every later look. The lists themselves are live: the next look grows them in place,
    so copy one that is to stay as it is.
    """

    def __init__(self, output_type: Any) -> None:
        self.output_type = output_type
        self._begin()

    def _begin(self) -> None:
        self._parser = PartialJSON()
        self._partial = PartialOutput(self.output_type)
        self._text = ""

    def value(self, text: str) -> Any:
        """A partial object of `text`, which is what it was at the last call, or longer."""
        if not text.startswith(self._text):  # the reply began anew
            self._begin()
        self._parser.feed(text[len(self._text) :])
        self._text = text
        return self._partial.of(self._parser.value(trailing_strings=True))


class Items:
    """The elements of one array of a text that grows, each as soon as it is finished.

    `path` leads to the array: keys, and indexes of arrays, from the outside in; an empty one means
    that the text is the array. With an `output_type` each element is read as its type, and one that
    does not fit raises `OutputParseError`; without one it is plain JSON.
    """

    def __init__(self, path: str | Sequence[str | int], output_type: Any = None) -> None:
        self._path: Path = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
        if self._path == ("",):
            self._path = ()
        self._parser = PartialJSON(paths=True)
        self._item = None if output_type is None else _item_shape(output_type, self._path)

    def feed(self, text: str) -> list[Any]:
        """The elements that `text` finishes; from the first one where the reply begins anew."""
        if text is RESTARTED:
            self._parser = PartialJSON(paths=True)
        self._parser.feed(text)
        depth = len(self._path)
        return [
            self._typed(path, value)
            for path, value in self._parser.completed()
            if len(path) == depth + 1 and path[:depth] == self._path and isinstance(path[-1], int)
        ]

    def _typed(self, path: Path, value: Any) -> Any:
        if self._item is None:
            return value
        typed, problems = read(self._item, value)
        if problems:
            raise OutputParseError(
                f"item {path[-1]} does not fit: " + "; ".join(map(str, problems)),
                text=self._parser.text,
                path=path,
                problems=[str(problem) for problem in problems],
            )
        return typed


def read_output(message: Message, output_type: Any) -> None:
    """Read each text block as `output_type`; its `parsed_output` is the value then.

    Raises `OutputParseError`, the message as its `final_message`, where one does not fit or the
    reply has no text.
    """
    texts = [block for block in message.content if block.type == "text"]
    if not texts:
        error = OutputParseError(
            f"the reply has no text to read (stop reason: {message.stop_reason})",
            text="",
            path=(),
            problems=["no text block"],
        )
        error.final_message = message
        raise error
    for block in texts:
        try:
            block._parsed = parse_output(output_type, block.text)
        except OutputParseError as error:
            error.final_message = message
            raise


def _item_shape(output_type: Any, path: Path) -> Shape:
    shape: Shape | None = shape_of(output_type)
    for key in path:
        shape = None if shape is None else _inside(shape, key)
    item = None if shape is None else _item(shape)
    if item is None:
        where = ".".join(map(str, path)) or "the output"
        raise ValueError(f"{where} is no array in the output format {output_type!r}")
    return item


def _item(shape: Shape) -> Shape | None:
    """The shape of the elements of an array, which may be one of several things it can be."""
    if isinstance(shape, OneOf):
        return next(filter(None, map(_item, shape.options)), None)
    return shape.item if isinstance(shape, Array) else None


def _inside(shape: Shape, key: str | int) -> Shape | None:
    """The shape of what is at `key` in a value of this shape."""
    if isinstance(shape, Array):
        return shape.item
    if isinstance(shape, Table):
        return shape.value
    if isinstance(shape, Record):
        return next((field.shape for field in shape.fields if field.key == key), None)
    if isinstance(shape, OneOf):
        found = (_inside(option, key) for option in shape.options)
        return next((inner for inner in found if inner is not None), None)
    if isinstance(shape, Model):
        field = getattr(shape.type, "model_fields", {}).get(key)
        return None if field is None else shape_of(field.annotation)
    return None
