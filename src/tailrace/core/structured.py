"""Structured output: the schema that goes out, and the typed value that comes back.

Theory of operation. A type is taken apart once, into shapes. Out goes its JSON schema in the subset
the API accepts (`strict_schema`); what comes back is read strictly (`reading`), and while it grows
as far as it is there (`partial_values`).
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, overload

from .errors import AnthropicError
from .json_schema import json_schema
from .partial_json import PartialJSONError, parse_strict
from .partial_values import PartialOutput, partial_output
from .problems import Path, listed, type_name
from .reading import read
from .shapes import JSON
from .strict_schema import strict_schema
from .type_shapes import shape_of

if typing.TYPE_CHECKING:
    from .content import Message

__all__ = [
    "OutputParseError",
    "PartialOutput",
    "output_config_for",
    "output_schema",
    "parse_output",
    "partial_output",
]

T = TypeVar("T")


class OutputParseError(AnthropicError, ValueError):
    """A reply is not a value of the type that was asked for.

    `text` is the reply, `path` where its first problem is (keys and list indexes from the outside
    in), `problems` all of them in words. The text is not in the message, only cut values from it.
    """

    def __init__(self, message: str, *, text: str, path: Path, problems: Sequence[str]) -> None:
        super().__init__(message)
        self.text = text
        self.path = path
        self.problems = tuple(problems)
        self.final_message: Message | None = None
        """The whole reply, where it came from one."""


def output_schema(output_type: Any) -> JSON:
    """The JSON schema of a type, in the subset that structured outputs accept.

    Raises:
        TypeError: it is no type, has no JSON, or has objects with free keys or values of any kind.
    """
    if isinstance(output_type, Mapping):
        raise TypeError(
            "the output type must be a type; a JSON schema goes into "
            'output_config={"format": {"type": "json_schema", "schema": ...}}'
        )
    return strict_schema(json_schema(output_type))


def output_config_for(output_type: Any) -> JSON:
    """The `output_config` of a request whose reply is to be a value of `output_type`.

    Raises:
        TypeError: as `output_schema`.
    """
    return {"format": {"type": "json_schema", "schema": output_schema(output_type)}}


@overload
def parse_output(output_type: type[T], text: str) -> T: ...
@overload
def parse_output(output_type: Any, text: str) -> Any: ...
def parse_output(output_type: Any, text: str) -> Any:
    """The value of `output_type` that a whole reply is.

    Strict: a string is no number, and keys that the type does not have are errors. A pydantic type
    is read by its own rules.

    Raises:
        OutputParseError: the text is not JSON, or not of that type; says all that is wrong.
    """
    name = type_name(output_type)
    try:
        value = parse_strict(text)
    except PartialJSONError as error:
        raise _not_json(name, str(error), text) from error
    if not text.strip():  # to the strict parser that is the input of a tool without arguments
        raise _not_json(name, "it is empty", text)
    result, problems = read(shape_of(output_type), value)
    if problems:
        raise OutputParseError(
            f"the reply is not a valid {name}: {listed(problems)}",
            text=text,
            path=problems[0].path,
            problems=[str(problem) for problem in problems],
        )
    return result


def _not_json(name: str, why: str, text: str) -> OutputParseError:
    message = f"the reply is not a {name}, because it is not JSON: {why}"
    return OutputParseError(message, text=text, path=(), problems=[why])
