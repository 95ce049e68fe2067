"""Partial JSON: decisions as tables, the rest as properties and against jiter and json."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiter
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrace.core import json_reader, json_scan
from tailrace.core.partial_json import (
    INVALID_JSON,
    MAX_DEPTH,
    PartialJSON,
    PartialJSONError,
    invalid_json_result,
    parse_partial,
    parse_strict,
)

CORPUS = Path(
    os.environ.get("TAILRACE_CORPUS", Path(__file__).parents[2] / "../shared/corpus")
).resolve()

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text('a"\\/\n\x00\u20ac\U0001f600')
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
valid = st.builds(
    lambda value, ascii_only, indent, pad: (
        pad + json.dumps(value, ensure_ascii=ascii_only, indent=indent) + pad
    ),
    values,
    st.booleans(),
    st.sampled_from([None, 1]),
    st.sampled_from(["", "", "\n\t "]),
)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A valid text with one or two characters lost, added or exchanged; it may still be valid."""
    text = draw(valid)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        to = at + draw(st.integers(0, 1))
        text = (
            text[:at]
            + draw(st.sampled_from([*'{}[]",:\\/0123-+.eEtfnuND x\n\x01\ud800', ""]))
            + text[to:]
        )
    return text


any_text = valid | broken()


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def fed(text: str, **options: Any) -> PartialJSON:
    parser = PartialJSON(**options)
    parser.feed(text)
    return parser


def same(one: Any, other: Any) -> bool:
    """Equal, also in order, in int or float, and in the sign of zero."""
    return repr(one) == repr(other)


# -- the value so far ------------------------------------------------------------------------------

PREFIXES = [
    # text, value, value with trailing strings
    ("", None, None),
    (" \n", None, None),
    ("{", {}, {}),
    ('{"a', {}, {}),
    ('{"a"', {}, {}),
    ('{"a":', {}, {}),
    ('{"a": 1', {"a": 1}, {"a": 1}),
    ('{"a": -', {}, {}),
    ('{"a": 1.', {}, {}),
    ('{"a": 1.5', {"a": 1.5}, {"a": 1.5}),
    ('{"a": 1.5e', {}, {}),
    ('{"a": 1.5e+', {}, {}),
    ('{"a": 1.5e+3', {"a": 1500.0}, {"a": 1500.0}),
    ('{"a": 1e400', {}, {}),
    ("[-0", [0], [0]),
    ("[-0.0", [-0.0], [-0.0]),
    ("[12345678901234567890123", [12345678901234567890123], [12345678901234567890123]),
    ('{"a": tru', {}, {}),
    ('{"a": true', {"a": True}, {"a": True}),
    ('{"a": "x', {}, {"a": "x"}),
    ('{"a": "', {}, {"a": ""}),
    (r'{"a": "x\n', {}, {"a": "x\n"}),
    ('{"a": "x\\', {}, {"a": "x"}),
    (r'{"a": "x\u00e', {}, {"a": "x"}),
    (r'{"a": "x\ud83d', {}, {"a": "x"}),
    (r'{"a": "x\ud83d\ude0', {}, {"a": "x"}),
    (r'{"a": "x\ud83d\ude00', {}, {"a": "x😀"}),
    (r'{"\u00e9": "b', {}, {"é": "b"}),
    ('{"a": 1, "a": 2', {"a": 2}, {"a": 2}),
    ('{"a": 1, "a": "x', {"a": 1}, {"a": "x"}),
    ('{"a": 1, "a": [', {"a": []}, {"a": []}),
    ('["a", "b', ["a"], ["a", "b"]),
    ('[1, {"b": [2, {"c": "d', [1, {"b": [2, {}]}], [1, {"b": [2, {"c": "d"}]}]),
    ('"abc', None, "abc"),
    ('"abc"', "abc", "abc"),
    ("12", 12, 12),
    ("1.", None, None),
    ("nul", None, None),
    ("false", False, False),
]


@pytest.mark.parametrize(("text", "value", "trailing"), PREFIXES)
def test_value_of_a_prefix(text: str, value: Any, trailing: Any) -> None:
    assert same(parse_partial(text), value)
    assert same(parse_partial(text, trailing_strings=True), trailing)
    assert fed(text).error is None


ERRORS = [
    # text, where it is wrong, what the message says, the value that stays
    ('{"cmd": "rm" "path": "/x"}', 13, "expected ',' or '}', found '\"'", {"cmd": "rm"}),
    ('{"a": 1]', 7, "expected ',' or '}', found ']'", {"a": 1}),
    ("[1}", 2, "expected ',' or ']', found '}'", [1]),
    ("[1 2", 3, "expected ',' or ']', found '2'", [1]),
    ("[1a", 2, "expected ',' or ']', found 'a'", [1]),
    ("[1,]", 3, "expected a value", [1]),
    ("[,", 1, "expected a value or ']'", []),
    ('{"a":1,}', 7, "expected a key in double quotes", {"a": 1}),
    ("{1", 1, "expected a key in double quotes or '}'", {}),
    ('{"a" 1', 5, "expected ':'", {}),
    ("[] x", 3, "expected nothing more after the value, found 'x'", []),
    ("12,", 2, "expected nothing more after the value", 12),
    ("]", 0, "expected a value", None),
    ("[t]", 2, "expected true, found ']'", []),
    ("[trx", 3, "expected true, found 'x'", []),
    ("[NaN", 1, "NaN and Infinity are not JSON", []),
    ("[Infinity", 1, "NaN and Infinity are not JSON", []),
    ("[-Infinity", 2, "NaN and Infinity are not JSON", []),
    ("[01", 2, "expected ',' or ']', found '1'", [0]),
    ("[+1", 1, "expected a value", []),
    ("[1.x", 3, "expected a digit", []),
    ("[1.5.", 4, "expected ',' or ']'", [1.5]),
    ("[1e400,", 1, "expected a number that is in range", []),
    ("[-1e400 ", 1, "expected a number that is in range", []),
    ('{"a":"x\ny', 7, "found '\\n'", {}),
    ('{"a":"x\0', 7, "found '\\x00'", {}),
    (r'{"a":"x\q', 8, "an escape that JSON knows", {}),
    (r'{"a":"x\u00g', 11, "an escape that JSON knows", {}),
    (r'{"a":"\ud83d"', 12, "surrogates in pairs", {}),
    (r'{"a":"\ud83d\n', 13, "surrogates in pairs", {}),
    (r'{"a":"\ud83d\u0041', 14, "surrogates in pairs", {}),
    (r'{"a":"\ude00', 9, "surrogates in pairs", {}),
    ('{"a":"\ud83d', 6, "found '\\ud83d'", {}),
    ('{"\ud83d', 2, "found '\\ud83d'", {}),
    ("\ufeff{}", 0, "found '\\ufeff'", None),
    ("\x0b[", 0, "expected a value", None),
    ("[\xa01", 1, "expected a value", []),
    ("[" * (MAX_DEPTH + 1), MAX_DEPTH, f"no deeper than {MAX_DEPTH}", ...),
    ("[" + "1" * 4301, 4301, "a number of at most 4300 characters", [int("1" * 4300)]),
    ("[0." + "1" * 4299, 4301, "a number of at most 4300 characters", [float("0." + "1" * 99)]),
]


@pytest.mark.parametrize(("text", "position", "message", "value"), ERRORS)
def test_first_error_is_kept_and_the_value_before_it_stays(
    text: str, position: int, message: str, value: Any
) -> None:
    parser = fed(text)
    assert parser.error is not None
    assert parser.error.position == position
    assert message in str(parser.error)
    assert not parser.complete
    assert value is ... or same(parser.value(), value)
    parser.feed(', "b": 2}')
    assert value is ... or same(parser.value(), value)
    assert parser.error.position == position
    assert parser.text == text + ', "b": 2}'


def test_an_error_keeps_the_string_it_is_in() -> None:
    parser = fed('{"a": "one')
    parser.value(trailing_strings=True)
    parser.feed("two\n")
    assert parser.value(trailing_strings=True) == {"a": "onetwo"}
    assert parser.value() == {}


@given(any_text, st.integers(1, 9), st.data())
@settings(max_examples=100, deadline=None)
@example('{"a":1,"a":"x\\ud83d\\ude00y"}', 1, None)
def test_how_the_text_is_cut_changes_nothing(text: str, size: int, data: Any) -> None:
    parser, prefix, finished = PartialJSON(paths=True), "", []
    for fragment in cut(text, size):
        parser.feed(fragment)
        prefix += fragment
        trailing = data.draw(st.booleans()) if data else True
        assert same(
            parser.value(trailing_strings=trailing),
            parse_partial(prefix, trailing_strings=trailing),
        )
        finished += parser.completed()
    whole = fed(text, paths=True)
    assert parser.text == text
    assert parser.complete == whole.complete
    assert str(parser.error) == str(whole.error)
    assert same(finished, whole.completed())


@given(any_text)
@settings(max_examples=100, deadline=None)
def test_the_value_after_an_error_is_the_value_before_it(text: str) -> None:
    error = fed(text).error
    if error is not None:
        for trailing in (False, True):
            assert same(
                parse_partial(text, trailing_strings=trailing),
                parse_partial(text[: error.position], trailing_strings=trailing),
            )
        assert fed(text[: error.position]).error is None or "in range" in str(error)


@given(valid)
@settings(max_examples=100, deadline=None)
def test_the_value_of_the_whole_is_that_of_json(text: str) -> None:
    parser = PartialJSON()
    for fragment in cut(text, 3):
        assert parser.error is None
        parser.feed(fragment)
        parser.value(trailing_strings=True)
    assert parser.complete
    assert same(parser.value(), json.loads(text))


# -- live values -----------------------------------------------------------------------------------


def test_containers_are_live_and_grow_in_place() -> None:
    parser = fed('{"a": [1, 2')
    value = parser.value()
    items = value["a"]
    assert value == {"a": [1, 2]}
    parser.feed('3, 4], "b": "')
    assert parser.value() is value
    assert value["a"] is items
    assert value == {"a": [1, 23, 4]}


def test_the_tail_is_taken_out_again() -> None:
    parser = fed('{"z": 0, "a": 1')
    assert parser.value() == {"z": 0, "a": 1}
    parser.feed(".")
    assert parser.value() == {"z": 0}
    parser.feed('5, "z": "x')
    assert list(parser.value(trailing_strings=True).items()) == [("z", "x"), ("a", 1.5)]
    assert list(parser.value().items()) == [("z", 0), ("a", 1.5)]
    parser.feed('y"')
    assert parser.value() == {"z": "xy", "a": 1.5}


def test_parse_partial_is_nobody_elses() -> None:
    parser = fed('{"a": [1')
    frozen = parse_partial(parser.text)
    parser.feed(", 2")
    assert parser.value() == {"a": [1, 2]}
    assert frozen == {"a": [1]}


# -- paths as they complete ------------------------------------------------------------------------


def test_each_value_comes_with_its_path_once_it_is_finished() -> None:
    parser = PartialJSON(paths=True)
    parser.feed('{"items": [{"name": "a"}, 1')
    assert parser.completed() == [(("items", 0, "name"), "a"), (("items", 0), {"name": "a"})]
    parser.value()
    assert parser.completed() == []
    parser.feed('2, null], "x": {}}')
    assert parser.completed() == [
        (("items", 1), 12),
        (("items", 2), None),
        (("items",), [{"name": "a"}, 12, None]),
        (("x",), {}),
        ((), {"items": [{"name": "a"}, 12, None], "x": {}}),
    ]


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inside:
        yield from walk(item, (*path, key))
    yield path, value


@given(values)
@settings(max_examples=100, deadline=None)
def test_all_paths_of_a_value_complete(value: Any) -> None:
    assert same(fed(json.dumps(value) + "\n", paths=True).completed(), list(walk(value)))


def test_a_number_is_not_finished_by_what_cannot_follow_it() -> None:
    assert fed("[12x", paths=True).completed() == []
    assert fed("[12 x", paths=True).completed() == [((0,), 12)]


def test_paths_must_be_asked_for() -> None:
    with pytest.raises(RuntimeError, match="paths=True"):
        PartialJSON().completed()


# -- the strict parse ------------------------------------------------------------------------------

ACCEPTED = [
    ("", {}),
    (" \t\r\n", {}),
    ("{}", {}),
    (' {"a": 1} \n', {"a": 1}),
    ("null", None),
    ('{"a": 1, "b": 0, "a": 2}', {"a": 2, "b": 0}),
    ("123456789012345678901234567890", 123456789012345678901234567890),
    ("1" * 4300, int("1" * 4300)),
    ("1e-400", 0.0),
    ("0e400", 0.0),
    ("-0", 0),
    ("-0.0", -0.0),
    ("1E5", 100000.0),
    (r'"\u0000\ud83d\ude00\/"', "\0😀/"),
    ('"\x7f\u2028"', "\x7f\u2028"),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_strict_accepts(text: str, value: Any) -> None:
    assert same(parse_strict(text), value)


REFUSED = [
    ('{"cmd": "rm" "path": "/x"}', "character 13: expected ',' or '}'"),
    ('{"cmd": "rm"', "character 12: expected ',' or '}', found the end of the text"),
    ('{"cmd": "rm', "character 11: expected the end of a string, found the end of the text"),
    ('{"cmd', "expected the end of a key"),
    ('{"cmd"', "expected ':'"),
    ('{"cmd":', "expected a value"),
    ("{", "expected a key in double quotes or '}', found the end"),
    ("[", "expected a value or ']'"),
    ("tru", "expected the rest of a number or literal"),
    ("1.", "expected the rest of a number or literal"),
    ("{} {}", "expected nothing more after the value, found '{'"),
    ("[NaN]", "NaN and Infinity are not JSON"),
    ("[-Infinity]", "NaN and Infinity are not JSON"),
    ("[1e400]", "in range"),
    ("1" * 4301, "at most 4300 characters"),
    ("-" + "1" * 4300, "at most 4300 characters"),
    (r'"\ud800"', "surrogates in pairs"),
    ('"\ud800"', "may stand in a string"),
    ('"\ud83d\ude00"', "may stand in a string"),
    ('"\t"', "found '\\t'"),
    ("'a'", "expected a value"),
    ("[1,]", "expected a value"),
    ("// no\n{}", "expected a value"),
    ("\ufeff{}", "found '\\ufeff'"),
    ("\xa0", "expected a value"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_strict_refuses(text: str, message: str) -> None:
    with pytest.raises(PartialJSONError) as caught:
        parse_strict(text)
    assert message in str(caught.value)
    assert caught.value.__context__ is None


def refuse(name: str) -> None:
    raise ValueError(name)


def unwritable(value: Any) -> bool:
    """Whether JSON text in UTF-8 cannot hold it: infinite floats and lone surrogates."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return True
    return False


@given(any_text)
@settings(max_examples=100, deadline=None)
@example('"\\ud800"')
@example("[1e999]")
@example("[NaN]")
def test_strict_agrees_with_json(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        refused = bool(text.strip(" \t\n\r"))
    else:
        refused = unwritable(expected)
        assert refused or same(parse_strict(text), expected)
    if refused:
        with pytest.raises(PartialJSONError):
            parse_strict(text)


@given(any_text.filter(lambda text: bool(text.strip())))
@settings(max_examples=100, deadline=None)
def test_complete_means_that_strict_accepts(text: str) -> None:
    parser = fed(text)
    if parser.complete:
        assert same(parser.value(), parse_strict(text))
    else:
        with pytest.raises(PartialJSONError):
            parse_strict(text)


def test_nothing_is_not_complete() -> None:
    assert not PartialJSON().complete
    assert not fed(" \n").complete


@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_with_a_clear_error(open_: str, close: str) -> None:
    def nested(depth: int) -> str:
        return open_ * depth + "[]" + close * depth

    assert parse_strict(nested(MAX_DEPTH - 1)) is not None
    assert len(parse_strict("[" + ",".join(["{}"] * 999) + "]")) == 999
    for depth in (MAX_DEPTH, 5_000, 100_000):
        with pytest.raises(PartialJSONError, match="no deeper than 200"):
            parse_strict(nested(depth))
    with pytest.raises(PartialJSONError, match="no deeper than 2"):
        parse_strict(nested(2), max_depth=2)
    with pytest.raises(PartialJSONError, match="no deeper than 0"):
        parse_strict("[]", max_depth=0)
    assert parse_strict("1", max_depth=0) == 1


def test_more_depth_can_be_had() -> None:
    text = "[" * 5_000 + "]" * 5_000
    assert fed(text, max_depth=5_000).complete
    value, depth = parse_strict(text, max_depth=5_000), 1
    while value:
        (value,), depth = value, depth + 1
    assert depth == 5_000


def test_deep_in_a_program_nothing_is_refused() -> None:
    text = "[" * 150 + "]" * 150

    def deeper(frames: int) -> Any:
        return deeper(frames - 1) if frames else parse_strict(text)

    frame, used = sys._getframe(), 0
    while frame := frame.f_back:  # type: ignore[assignment]
        used += 1
    assert same(deeper(sys.getrecursionlimit() - used - 60), parse_strict(text))


@pytest.mark.parametrize("before", [0, 1, 100, 4000, 4095, 4096, 9000, 12_345])
def test_long_numbers_are_refused_wherever_they_stand(before: int) -> None:
    pad = " " * before
    assert parse_strict(f"[{pad}0.{'1' * 4298}]") == [float("0." + "1" * 99)]
    with pytest.raises(PartialJSONError, match="at most 4300 characters"):
        parse_strict(f"[{pad}0.{'1' * 4299}]")


def test_an_interpreter_that_converts_fewer_digits_is_an_error_not_a_crash() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert fed("[0, " + "1" * 641).value() == [0]
        with pytest.raises(
            PartialJSONError, match="character 4: expected a number that is in range"
        ):
            parse_strict("[0, " + "1" * 641 + "]")
    finally:
        sys.set_int_max_str_digits(before)


def test_long_runs_of_digits_in_strings_are_no_numbers() -> None:
    text = json.dumps({"a": "1" * 20_000})
    assert json_scan.may_hold_long_number(text)
    assert parse_strict(text) == {"a": "1" * 20_000}


# -- what goes back, what is shown -----------------------------------------------------------------


@pytest.mark.parametrize("raw", ['{"a": 1 "b"', "", 'é "\\', "\ud800"])
def test_invalid_json_result_holds_the_raw_text(raw: str) -> None:
    result = invalid_json_result("toolu_1", raw)
    assert json.loads(result.pop("content")) == {INVALID_JSON: raw}
    assert result == {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True}


def test_invalid_json_result_can_be_sent() -> None:
    assert json.dumps(invalid_json_result("t", "é\ud800"), ensure_ascii=False).encode()
    assert "é" in invalid_json_result("t", "é")["content"]


def test_text_is_all_that_was_fed() -> None:
    parser = PartialJSON()
    assert parser.text == ""
    for fragment in ["{", "", " ", "}", "x", "y"]:
        parser.feed(fragment)
        assert parser.text.endswith(fragment)
    assert parser.text == "{ }xy"
    assert parser.value() == {}


def test_neither_repr_nor_error_shows_the_text() -> None:
    parser = fed('{"password": "hunter2')
    assert repr(parser) == "<PartialJSON incomplete>"
    parser.feed('" "more": 1}')
    assert repr(parser) == "<PartialJSON error>"
    assert "hunter2" not in str(parser.error)
    assert "more" not in repr(parser.error)
    assert repr(fed("{}")) == "<PartialJSON complete>"


def test_errors_can_be_pickled() -> None:
    error = fed("[1 2]").error
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.position, copy.expected, copy.found) == (3, "',' or ']'", "2")
    assert str(copy) == str(error)


# -- against jiter ---------------------------------------------------------------------------------


def is_finite(value: Any) -> bool:
    return all(not isinstance(item, float) or math.isfinite(item) for _, item in walk(value))


def check_against_jiter(parser: PartialJSON, prefix: str) -> None:
    """The same value as jiter's, or one of the differences the module's docstring lists."""
    for trailing, mode in ((False, True), (True, "trailing-strings")):
        value = parser.value(trailing_strings=trailing)
        try:
            expected = jiter.from_json(prefix.encode("utf-8", "surrogatepass"), partial_mode=mode)
        except ValueError:
            # jiter raises for what is wrong, and where there is no value yet.
            assert parser.error is not None or value is None
        else:
            assert same(value, expected) or not is_finite(expected)


@given(any_text)
@settings(max_examples=100, deadline=None)
@example('[NaN, Infinity, -Infinity, 1e400, {"a": 1 "b": 2}')
def test_every_prefix_agrees_with_jiter(text: str) -> None:
    parser = PartialJSON()
    for end in range(1, len(text) + 1):
        parser.feed(text[end - 1])
        check_against_jiter(parser, text[:end])


def recorded_inputs() -> list[list[str]]:
    """The fragments of every tool input in the recorded streams that has any."""
    found: list[list[str]] = []
    for path in sorted(CORPUS.rglob("*.sse")):
        blocks: dict[int, list[str]] = {}
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("data:") and '"content_block_' in line:
                event = json.loads(line[5:])
                if event["type"] == "content_block_start":
                    blocks[event["index"]] = []
                elif event.get("delta", {}).get("type") == "input_json_delta":
                    if not (fragments := blocks[event["index"]]):
                        found.append(fragments)
                    fragments.append(event["delta"]["partial_json"])
    return found


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no recorded streams: set TAILRACE_CORPUS")
def test_recorded_tool_inputs_agree_with_jiter_at_every_prefix() -> None:
    inputs = recorded_inputs()
    assert len(inputs) > 100
    for fragments in inputs:
        text, parser = "".join(fragments), PartialJSON()
        ends = range(1, len(text) + 1)
        for end in ends:
            parser.feed(text[end - 1])
            check_against_jiter(parser, text[:end])
        for end in random.Random(4).sample(ends, min(len(ends), 20)):
            check_against_jiter(fed(text[:end]), text[:end])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no recorded streams: set TAILRACE_CORPUS")
def test_recorded_tool_inputs_are_what_json_reads() -> None:
    for fragments in recorded_inputs():
        text, parser = "".join(fragments), PartialJSON()
        for fragment in fragments:
            parser.feed(fragment)
        assert parser.error is None
        if parser.complete:
            assert parser.value() == json.loads(text) == parse_strict(text)


# -- linear work -----------------------------------------------------------------------------------

PATTERNS = ["VALUE", "KEY", "KEY_REST", "STRING", "SPACE", "LITERAL_BEGUN", "ESCAPE_BEGUN"]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], int]:
    """Counts matches, the characters patterns look at, and those that are decoded."""
    looked = 0

    def counting(match: Any) -> Any:
        def counted(text: str, at: int) -> Any:
            nonlocal looked
            found = match(text, at)
            # What does not match stops at the first character that is not white space.
            looked += 1 + (found or json_scan.SPACE(text, at)).end() - at
            return found

        return counted

    def unescape(characters: str) -> str:
        nonlocal looked
        looked += len(characters)
        return json_scan.unescape(characters)

    for name in PATTERNS:
        monkeypatch.setattr(json_reader, name, counting(getattr(json_scan, name)))
    monkeypatch.setattr(json_reader, "unescape", unescape)

    def measure(text: str, size: int) -> int:
        nonlocal looked
        looked = 0
        parser = PartialJSON()
        for fragment in cut(text, size):
            parser.feed(fragment)
            parser.value(trailing_strings=True)
        assert parser.complete
        return looked

    return measure


SHAPES: dict[str, Callable[[int], str]] = {
    "nested objects": lambda n: json.dumps([{"id": 1.5, "tags": ["a", {"b": None}]}] * (n // 40)),
    "one long string": lambda n: json.dumps({"a": "lorem " * (n // 6)}),
    "escapes": lambda n: json.dumps({"a": '"\n\U0001f600' * (n // 16)}),
    "one long key": lambda n: json.dumps({"k" * n: 1}),
    "white space": lambda n: "[" + " " * n + "1" + " " * n + "]",
    "short strings": lambda n: json.dumps(["ab"] * (n // 6)),
    "closing brackets": lambda n: "[" + ",".join(["[[[[[[]]]]]]"] * (n // 13)) + "]",
}


@pytest.mark.parametrize("size", [1, 20, 10**9])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_character_is_looked_at_a_bounded_number_of_times(
    work: Callable[[str, int], int], shape: str, size: int
) -> None:
    text = SHAPES[shape](20_000)
    assert work(text, size) <= 10 * len(text)


def test_a_cut_number_is_read_again_only_up_to_its_bound(work: Callable[[str, int], int]) -> None:
    one, ten = (work("[" + ",".join(["1" * 500] * count) + "]", 20) for count in (1, 10))
    assert ten <= 10 * one


@pytest.mark.parametrize("trailing", [False, True])
def test_asking_joins_only_what_is_new(trailing: bool) -> None:
    parser, joined = fed('{"a": "'), 0
    for _ in range(1_000):
        parser.feed("0123456789")
        joined += sum(map(len, parser._parts)) if trailing else 0
        parser.value(trailing_strings=trailing)
        assert not (trailing and parser._parts)
    assert joined == (10_000 if trailing else 0)
    parser.feed('"}')
    assert parser.value() == {"a": "0123456789" * 1_000}


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts CPython's references")
def test_nobody_but_its_container_holds_a_trailing_string() -> None:
    # With a second owner CPython could not grow the string in place, and asking would copy it.
    parser = fed('{"a": "some text')
    alone = sys.getrefcount({"a": "".join(["some", "text"])}["a"]) + 1
    for _ in range(3):
        parser.feed(" and more of it")
        value = parser.value(trailing_strings=True)
        owners = sys.getrefcount(value["a"])
        assert owners == alone
    assert value["a"] == "some text" + " and more of it" * 3
