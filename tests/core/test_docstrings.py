"""Docstrings in three styles, and in none."""

from __future__ import annotations

import pytest

from tailrace.core.docstrings import parse_docstring

GOOGLE = """Get the weather.

More about it.
Note: it is slow.

Args:
    city: The city,
        with its country.
    days (int, optional): How many.
    *rest: Others: with a colon.
    nothing:

Returns:
    text: The weather.
"""

NUMPY = """Get the weather.

More about it.
Note: it is slow.

Parameters
----------
city : str
    The city,
    with its country.
days, nights : int, optional
    How many.
nothing

Returns
-------
text : str
    The weather.
"""

SPHINX = """Get the weather.

More about it.
Note: it is slow.

:param city: The city,
    with its country.
:param int days: How many.
:type days: int
:param nothing:
:returns: The weather.
:raises ValueError: never
"""

CITY = {"city": "The city, with its country.", "days": "How many."}


@pytest.mark.parametrize(
    ("doc", "arguments"),
    [
        (GOOGLE, {**CITY, "rest": "Others: with a colon."}),
        (NUMPY, {**CITY, "nights": "How many."}),
        (SPHINX, CITY),
    ],
    ids=["google", "numpy", "sphinx"],
)
def test_docstring_styles(doc: str, arguments: dict[str, str]) -> None:
    assert parse_docstring(doc) == (
        "Get the weather.\n\nMore about it.\nNote: it is slow.",
        arguments,
    )


@pytest.mark.parametrize(
    ("doc", "description"),
    [
        (None, ""),
        ("", ""),
        ("One line.", "One line."),
        ("\n    Indented.\n\n    More.\n    ", "Indented.\n\nMore."),
        ("Args:\n    x: y", ""),
        ("A table:\n-----\nx", "A table:\n-----\nx"),
        (":rocket: go", ":rocket: go"),
    ],
)
def test_descriptions(doc: str | None, description: str) -> None:
    assert parse_docstring(doc).description == description


def test_text_after_the_arguments_is_none_of_theirs() -> None:
    assert parse_docstring("Args:\n    x: y\nDedented.\n    z: w").arguments == {"x": "y"}
