"""Structured output: what goes out, and the errors that carry what came back."""

from __future__ import annotations

import json
import pickle

import pytest
from tests.core.kinds import (
    Invoice,
    Point,
)

from tailrace.core.structured import (
    OutputParseError,
    output_config_for,
    output_schema,
    parse_output,
)


def test_output_config() -> None:
    assert output_config_for(Point) == {
        "format": {"type": "json_schema", "schema": output_schema(Point)}
    }


def test_the_error_carries_text_and_path() -> None:
    text = '{"number": "AB", "lines": [{"what": 1, "price": 1}]}'
    with pytest.raises(OutputParseError, match=r"not a valid Invoice: `lines\[0\].what`") as caught:
        parse_output(Invoice, text)
    again = pickle.loads(pickle.dumps(caught.value))
    for error in (caught.value, again):
        assert error.text == text
        assert error.path == ("lines", 0, "what")
        assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    "text", ["", "  \n", "{", '{"x": 1} x', '{"x": NaN}', "[" * 300 + "]" * 300]
)
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(OutputParseError, match="because it is not JSON") as caught:
        parse_output(Point, text)
    assert caught.value.text == text


def test_many_problems_are_cut_short() -> None:
    with pytest.raises(OutputParseError, match=r"; and 80 more$") as caught:
        parse_output(list[int], json.dumps(["a"] * 100))
    assert len(caught.value.problems) == 100
