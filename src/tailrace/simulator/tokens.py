"""A plausible tokenizer: how many tokens a text has, and where a stream cuts it.

The approximation: a token is a word of up to seven letters with the space before it, a run of up
to three digits, one mark of punctuation, or a run of white space; longer words are cut every four
letters; each character of a script written without spaces (Chinese, Japanese, Thai) is one token.
Against the `output_tokens` of recorded replies in plain text it is off by less than 5 percent in
half of them and by 20 percent at worst. It is meant for plausible figures and limits that bite,
never for billing. An image counts as 1,500 tokens, a document as one token per four bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from tailrace.simulator.loose import a_dict, a_list, dicts

_PIECE = re.compile(
    r"""
      [ ]?[^\W\d_\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]{1,7}
        (?![^\W\d_\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF])   # a short word, whole
    | [ ]?[^\W\d_\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]{1,4}  # part of a long one
    | [ ]?\d{1,3}
    | [ ]?[^\w\s]
    | \s+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)

IMAGE_TOKENS = 1500
"""What an image is taken to cost, in tokens, whatever its size."""

MESSAGE_TOKENS = 4
"""The overhead of one message: its role and its bounds."""


def split(text: str) -> Iterator[str]:
    """The text as pieces of about one token, which joined give the text again.

    They are cut as they are asked for, so that a thousand long replies are not held in pieces.
    """
    return (found[0] for found in _PIECE.finditer(text))


def count(text: str) -> int:
    """About how many tokens a text has."""
    return _count_short(text) if len(text) <= _SHORT else _count(text)


def _count(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))


_SHORT = 16  # characters; a reply's pieces are shorter, and come again and again
_count_short = lru_cache(4096)(_count)


def count_request(body: Mapping[str, Any]) -> int:
    """About how many input tokens a request to the Messages API has."""
    total = 3 + _count_value(body.get("system"))
    for message in dicts(body.get("messages")):
        total += MESSAGE_TOKENS + _count_value(message.get("content"))
    for tool in dicts(body.get("tools")):
        total += 12 + _count_value(tool)
    return total


def _count_value(value: Any) -> int:
    """The tokens of every text inside a JSON value; keys count too, as the prompt shows them."""
    if isinstance(value, str):
        return count(value)
    if isinstance(value, list):
        return sum(_count_value(item) for item in a_list(value))
    if isinstance(value, dict):
        return _count_object(a_dict(value))
    return 0 if value is None else 1


# The structure of content: part of the protocol, not of what the model reads.
_SILENT = {"type", "cache_control", "id", "tool_use_id", "signature", "citations"}


def _count_object(value: dict[str, Any]) -> int:
    if value.get("type") == "image":
        return IMAGE_TOKENS
    if value.get("type") == "document":
        return len(str(value.get("source"))) // 4
    return sum(
        _count_value(item) + (0 if key in {"text", "content", "input"} else 1)
        for key, item in value.items()
        if key not in _SILENT
    )
