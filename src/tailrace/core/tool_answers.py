"""What a tool gave, or why it gave nothing, as the `tool_result` block the model reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import (
    Any,
    cast,
)

import msgspec

from .errors import AnthropicError
from .problems import Problem, listed
from .shapes import JSON, is_object

Content = str | Sequence[Mapping[str, Any]]
"""What a tool result holds: text or content blocks."""


class ToolInputError(AnthropicError, ValueError):
    """The input that the model wrote does not fit the tool's parameters.

    The message is written for the model: hand it back as an error result. `problems` is all that
    is wrong, one by one.
    """

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{name}: {listed(problems)}")
        self.problems = tuple(problems)


class ToolError(Exception):
    """Raised by a tool to give the model `content`, text or content blocks, as an error result."""

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self.content = content


# The blocks that a tool result may hold, by the Messages API's reference.
_BLOCKS = frozenset({"text", "image", "document", "search_result", "tool_reference"})
_MOST_OF_AN_ERROR = 4000  # characters


def tool_result(tool_use_id: str, value: Any) -> JSON:
    """The `tool_result` block for what a tool returned, or for the exception it raised.

    Text goes as it is, and so do content blocks, one or a list. Anything else that has a JSON form
    (dataclasses, pydantic models, dates too) goes as JSON text. An exception becomes an error
    result: a `ToolError` its content, any other its class and message, without traceback. Never
    raises: a value without a JSON form is an error result that says so.
    """
    is_error = isinstance(value, BaseException)
    content = _error_content(value) if is_error else _content(value)
    if content is None:
        is_error = True
        content = f"the tool returned a value of type {type(value).__name__}, which has no JSON"
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content}
    return {**block, "is_error": True} if is_error else block


def _content(value: Any) -> Any:
    """What a tool result holds for a value; `None` if nothing can stand for it."""
    if isinstance(value, str):
        return _encodable(value)
    blocks = cast("list[Any]", value if isinstance(value, (list, tuple)) else [value])
    text = _json_of(value)
    if blocks and all(is_object(item) and item.get("type") in _BLOCKS for item in blocks):
        # Read back, so that the history is plain JSON and the tool's own no longer.
        return None if text is None else json.loads(cast("str", _json_of(blocks)))
    return text


def _json_of(value: Any) -> str | None:
    try:
        return msgspec.json.encode(value, enc_hook=_other).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:  # what only the standard library takes: integers beyond 64 bits, lone surrogates
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _other(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def _error_content(error: BaseException) -> Any:
    if isinstance(error, ToolError):
        return _content(error.content)
    if isinstance(error, ToolInputError):
        return _encodable(str(error))
    name, text = type(error).__name__, str(error)
    told = f"{name}: {text}" if text else name
    cut = told[:_MOST_OF_AN_ERROR] + "…" if len(told) > _MOST_OF_AN_ERROR else told
    return _encodable(cut)


def _encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold replaced, as one bad file name must not end a run."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
