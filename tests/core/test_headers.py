"""Header fields: merged by precedence, and never injected into."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.core.given import NOT_GIVEN, omit
from tailrace.core.headers import check_header, custom_headers, merge_headers

LAYERS = [
    ([{"a": "1"}, {"a": "2"}], {"a": "2"}),
    ([{"A": "1"}, {"a": "2"}], {"a": "2"}),
    ([{"a": "1"}, None, {}], {"a": "1"}),
    ([{"a": "1", "b": "1"}, {"A": omit}], {"b": "1"}),
    ([{"a": omit}, {"a": "1"}], {"a": "1"}),
    ([{"a": "1"}, {"a": omit}, {"a": "3"}], {"a": "3"}),
    ([{"a": omit}], {}),
    ([{"a": ""}], {"a": ""}),
    ([{"a": "tab\tinside, é and ÿ"}], {"a": "tab\tinside, é and ÿ"}),
]


@pytest.mark.parametrize(("layers", "expected"), LAYERS)
def test_later_layers_win_whatever_the_case(layers, expected):
    assert merge_headers(*layers) == expected


BAD = [
    ("x", "a\nb", ValueError, r"header 'x' cannot be sent: 'a\\nb' has a '\\n'; remove it"),
    ("x", "a\r\nb: c", ValueError, r"has a '\\r'"),
    ("x", "a\0", ValueError, r"has a '\\x00'"),
    ("x", "a\x7f", ValueError, r"has a '\\x7f'"),
    ("x", " a", ValueError, "white space at an end"),
    ("x", "a\t", ValueError, "white space at an end"),
    ("x", "snow ☃", ValueError, "has a '☃'"),
    ("x", "\ud800", ValueError, "has a"),
    ("x", b"bytes", TypeError, "header 'x' must be a str or omit, not bytes"),
    ("x", 5, TypeError, "not int"),
    ("x", None, TypeError, "not NoneType"),
    ("x", NOT_GIVEN, TypeError, "not NotGiven"),
    ("", "a", ValueError, "'' is not a header name"),
    ("a b", "a", ValueError, "use letters, digits and hyphens"),
    ("a:b", "a", ValueError, "is not a header name"),
    ("a\n", "a", ValueError, "is not a header name"),
    ("é", "a", ValueError, "is not a header name"),
]


@pytest.mark.parametrize(("name", "value", "kind", "what"), BAD)
def test_a_field_that_cannot_be_sent_is_refused(name, value, kind, what):
    with pytest.raises(kind, match=what):
        check_header(name, value)
    with pytest.raises(kind):
        merge_headers({"good": "1"}, {name: value})


@pytest.mark.parametrize("name", [b"x", 5, None])
def test_a_name_that_is_no_text_is_refused(name):
    with pytest.raises(TypeError, match="name"):
        merge_headers({name: "a"})


@pytest.mark.parametrize("name", ["x-api-key", "Authorization", "COOKIE"])
def test_the_error_quotes_no_secret(name):
    with pytest.raises(ValueError, match="its value has a") as caught:
        merge_headers({name: "sk-secret\n"})
    assert "secret" not in str(caught.value)


def test_the_error_quotes_little_of_a_long_value():
    with pytest.raises(ValueError, match="cannot be sent") as caught:
        check_header("x", "a" * 10_000 + "\n")
    assert len(str(caught.value)) < 200


@given(st.text(max_size=20), st.text(max_size=20))
@example("x", "a\r\ninjected: b")
@example("x\r\ninjected", "a")
@example("x", "a\x85b\x0bc\u2028d\u010a")
def test_injection_is_impossible(name, value):
    try:
        fields = merge_headers({name: value})
    except ValueError:
        return
    head = "".join(f"{key}: {text}\r\n" for key, text in fields.items()).encode("latin-1")
    # However a recipient cuts lines, there is one, with this name and this value.
    for ending in (b"\r\n", b"\n", b"\r"):
        assert len([line for line in head.split(ending) if line.strip(b"\r\n")]) == 1
    sent_name, colon, sent_value = head.decode("latin-1").partition(":")
    assert (sent_name, colon, sent_value.strip(" \t\r\n")) == (name.lower(), ":", value)


def test_custom_headers_are_lines():
    text = "X-One: 1\n  X-Two :  a: b  \r\nnonsense\n: empty\n\nX-Three:"
    assert custom_headers(text) == {"X-One": "1", "X-Two": "a: b", "X-Three": ""}
    assert custom_headers("") == {}
