import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator.toml_lines import Path, lines

TEXT = '''\
# a comment with [brackets] and "quotes
top = 1
dotted.key = 2

[table]  # here
a = "x # no comment ] }"
b = [1,
  2, # two
  [3, { c = 4 }],
]
"quoted key" = """
[not a table]
""\\"""" # after
lit = \'\'\'
]]\'\'\'
[[list]]
x = 1
[list.inner]
y = { z = [ 1 ], w = 'it' }
[[list]]
x = 2
[[list.deep]]
v = 1979-05-27T07:32:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("dotted", "key"), 3),
        (("table",), 5),
        (("table", "a"), 6),
        (("table", "b"), 7),
        (("table", "b", 0), 7),
        (("table", "b", 1), 8),
        (("table", "b", 2, 1, "c"), 9),
        (("table", "quoted key"), 11),
        (("table", "lit"), 14),
        (("list", 0), 16),
        (("list", 0, "x"), 17),
        (("list", 0, "inner"), 18),
        (("list", 0, "inner", "y", "z", 0), 19),
        (("list", 0, "inner", "y", "w"), 19),
        (("list", 1), 20),
        (("list", 1, "x"), 21),
        (("list", 1, "deep", 0), 22),
        (("list", 1, "deep", 0, "v"), 23),
    ],
)
def test_where_things_stand(path: Path, line: int) -> None:
    assert lines(TEXT)[path] == line


def paths(value: Any, path: Path = ()) -> set[Path]:
    found = {path} if path else set()
    if isinstance(value, dict):
        return found.union(*(paths(item, (*path, key)) for key, item in value.items()))
    if isinstance(value, list):
        return found.union(*(paths(item, (*path, at)) for at, item in enumerate(value)))
    return found


def test_every_path_of_the_document_is_found() -> None:
    assert set(lines(TEXT)) >= paths(tomllib.loads(TEXT))


VALUES = st.recursive(
    st.integers().map(str)
    | st.sampled_from(['"a]b"', "'}'", '"""\n[x]\n"""', "true", '"\\""', "1.5", "'''#'''"]),
    lambda inner: (
        st.lists(inner).map(lambda items: "[" + ",\n ".join(items) + "]")
        | st.lists(inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"k{at} = {item}" for at, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=4))
def test_any_document_is_followed(values: list[str]) -> None:
    text = "\n".join(f"[[t]]\nv = {value} # x" for value in values)
    assert set(lines(text)) >= paths(tomllib.loads(text))
