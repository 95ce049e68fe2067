r"""The YAML of cassettes. The texts are what PyYAML writes for these values."""

from typing import Any

import pytest

from tailrace.simulator.yaml_subset import YamlError, loads

CASES: list[tuple[str, Any]] = [
    (
        "a: 1\nb: -2\nc: 1.5\nd: true\ne: null\nf: ''\ng: text",
        dict(zip("abcdefg", [1, -2, 1.5, True, None, "", "text"], strict=True)),
    ),
    ("a:\n- 1\n- - 2\n  - 3\n-", None),
    (
        "a:\n- 1\n- - 2\n  - 3\n- b: 4\n  c: 5\n- {}\n- []\n",
        {"a": [1, [2, 3], {"b": 4, "c": 5}, {}, []]},
    ),
    ("a:\n  b:\n    c: 1\n  d: 2\n", {"a": {"b": {"c": 1}, "d": 2}}),
    ("- a\n- b\n", ["a", "b"]),
    ("# comment\n---\na: b # c\n", {"a": "b"}),
    (
        "a: plain text\n  goes on\n\n  after a blank line\nb: 1\n",
        {"a": "plain text goes on\nafter a blank line", "b": 1},
    ),
    ("a: 'it''s\n\n  two lines\n\n\n  '\n", {"a": "it's\ntwo lines\n\n"}),
    ("a: 'x\n\n  '\n", {"a": "x\n"}),
    ('a: "tab\\t \\xE9 \\u20AC \\U0001F600 \\"q\\" \\\\"\n', {"a": 'tab\t é € 😀 "q" \\'}),
    ('a: "one \\\n  \\ two\\\n  \\ three"\n', {"a": "one  two three"}),
    (
        'a: "event: x\\ndata: {}\\n\\n\\\n  event: y\\n"\n',
        {"a": "event: x\ndata: {}\n\nevent: y\n"},
    ),
    ("a: |\n  one\n    two\n\n  three\nb: 1\n", {"a": "one\n  two\n\nthree\n", "b": 1}),
    ("a: |-\n  one\n", {"a": "one"}),
    ("a: |+\n  one\n\n", {"a": "one\n\n"}),
    ("a: |2-\n    one\n  two\n", {"a": "  one\ntwo"}),
    ("a: !!binary |\n  aGVs\n  bG8=\n", {"a": b"hello"}),
    ("a: !!binary ''\n", {"a": b""}),
    ("'quoted key': 1\n\"b\": 2\n", {"quoted key": 1, "b": 2}),
    ("a: '{\"json\": [1]}'\n", {"a": '{"json": [1]}'}),
    ("a: http://x/y:z\n", {"a": "http://x/y:z"}),
    ("", None),
]
CASES = [case for case in CASES if case[1] is not None or not case[0]]


@pytest.mark.parametrize(("text", "value"), CASES)
def test_what_is_read(text: str, value: Any) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "line 1: '&' begins nothing"),
        ("b: 1\na: !!python/tuple [1]", "line 2: '!' begins nothing"),
        ("a: [1, 2]", r"line 1: '\[' begins nothing"),
        ("a: >\n  x", "line 2: folded blocks"),
        ("a: 'x", "a quoted text does not end"),
        ("a: 1\nb", "line 2: expected a key"),
        ('a: "\\q"', "is no escape"),
        ("- a\nb: 1", "line 2: expected the end"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(YamlError, match=message):
        loads(text)
