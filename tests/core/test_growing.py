"""Text and tool input while they grow, and their value at any earlier moment."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.growing import GrowingJSON, GrowingText
from tailrace.core.partial_json import parse_partial

PIECES = st.lists(st.text(max_size=4), max_size=12)


@given(st.text(max_size=4), PIECES, st.lists(st.booleans(), min_size=12, max_size=12))
def test_every_moment_keeps_its_text(initial, pieces, looks):
    growing, now, moments = GrowingText(initial), initial, [(initial, len(initial))]
    for piece, look in zip(pieces, looks, strict=False):
        growing.append(piece)
        now += piece
        moments.append((now, growing.length))
        if look:
            assert growing.text == now
    for text, length in moments:
        assert growing.upto(length) == text
    assert growing.length == len(now)


def test_asking_again_copies_nothing():
    growing = GrowingText("a")
    growing.append("b")
    assert growing.text is growing.text
    assert growing.upto(2) is growing.text


@pytest.mark.parametrize("value", [None, 5, ["a"], b"a"])
def test_what_is_no_text_changes_nothing(value):
    for growing in (GrowingText("a"), GrowingJSON()):
        with pytest.raises(TypeError, match=f"must be text, not {type(value).__name__}"):
            growing.append(value)
        assert growing.length == len(growing.text)


@given(PIECES)
def test_every_moment_keeps_its_value(pieces):
    growing, moments = GrowingJSON({"first": 1}), []
    for piece in pieces:
        growing.append(piece)
        moments.append(growing.length)
    for length in moments:
        value = parse_partial(growing.text[:length])
        assert growing.value_at(length) == ({"first": 1} if value is None else value)


@pytest.mark.parametrize("asked", [False, True], ids=["never asked", "asked each time"])
def test_the_value_does_not_depend_on_who_asked_before(asked):
    source = json.dumps({"a": [1, {"b": "cd"}], "e": "é", "f": None, "g": -1.5e3})
    growing = GrowingJSON({})
    for end, character in enumerate(source, 1):
        growing.append(character)
        if asked:
            assert growing.value_at(end) == (parse_partial(source[:end]) or {})
    assert growing.value_at(len(source)) == json.loads(source)


def test_the_newest_value_is_live_and_an_earlier_one_is_frozen():
    growing = GrowingJSON({})
    growing.append('{"a": 1')
    live = growing.value_at(growing.length)
    moment = growing.length
    growing.append(', "b": 2')
    assert growing.value_at(growing.length) is live
    assert live == {"a": 1, "b": 2}
    frozen = growing.value_at(moment)
    growing.append("}")
    assert frozen == {"a": 1}


def test_what_the_block_began_with_stands_until_there_is_a_value():
    growing = GrowingJSON({"x": 1})
    for piece in ("", " ", "\n"):
        growing.append(piece)
        assert growing.value_at(growing.length) == {"x": 1}
    growing.append("{")
    assert growing.value_at(growing.length) == {}


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_go_on_by_themselves(twin):
    for growing, more in ((GrowingText("a"), "b"), (GrowingJSON({"x": 1}), '{"a": 1')):
        growing.append(more)
        other = twin(growing)
        assert type(other) is type(growing)
        assert (other.text, other.length) == (growing.text, growing.length)
        growing.append("c")
        assert other.text == growing.text[:-1]
    assert twin(growing).value_at(0) == {"x": 1}
