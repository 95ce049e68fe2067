"""Marks for "not given" and "leave it out", where `None` could be a value."""

from __future__ import annotations

from typing import Any, Literal


class NotGiven:
    """The argument was not given; falsy. Use the instance `NOT_GIVEN`."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit:
    """Leave the header (or parameter) out, even if it has a default; falsy. Use `omit`."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "omit"


NOT_GIVEN = NotGiven()
not_given = NOT_GIVEN
omit = Omit()


def is_given(value: Any) -> bool:
    """Whether a value was given at all: neither `None` nor one of the marks."""
    return value is not None and not isinstance(value, (NotGiven, Omit))
