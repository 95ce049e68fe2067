"""Markdown to a tree, as data: run by Node, compared with a table. No HTML is made anywhere."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.parts import program

from tailrace import web

MODULE = Path(web.__file__).parent / "pages" / "markdown.js"

RUN = """
const { parse } = await import(process.argv[1]);
const texts = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(texts.map((text) => parse(text))));
"""

TABLE: list[tuple[str, Any]] = [
    ("", []),
    ("One\ntwo.\n\nThree.", [["p", "One\ntwo."], ["p", "Three."]]),
    ("# Big ##\n### Small", [["h1", "Big"], ["h3", "Small"]]),
    ("a *b* **c** `d`", [["p", "a ", ["em", "b"], " ", ["strong", "c"], " ", ["code", "d"]]]),
    ("**a *b* c**", [["p", ["strong", "a ", ["em", "b"], " c"]]]),
    ("snake_case_name and 2 * 3 * 4", [["p", "snake_case_name and 2 * 3 * 4"]]),
    ("``a`b``", [["p", ["code", "a`b"]]]),
    ("an `unclosed code", [["p", "an `unclosed code"]]),
    ("```py\nx < 1\n\n# no heading\n```", [["pre", ["code py", "x < 1\n\n# no heading"]]]),
    ("```\nnot yet closed", [["pre", ["code", "not yet closed"]]]),
    ("> a\n> b", [["blockquote", ["p", "a\nb"]]]),
    ("---", [["hr"]]),
    ("- a\n- b\n  - c", [["ul", ["li", "a"], ["li", "b", ["ul", ["li", "c"]]]]]),
    ("1. a\n2. b", [["ol", ["li", "a"], ["li", "b"]]]),
    ("3) a", [["ol 3", ["li", "a"]]]),
    (
        "| a | b |\n|---|:-:|\n| 1 | *2* |",
        [
            [
                "table",
                ["thead", ["tr", ["th", "a"], ["th", "b"]]],
                ["tbody", ["tr", ["td", "1"], ["td", ["em", "2"]]]],
            ]
        ],
    ),
    ("[a](https://b.c/d)", [["p", ["a https://b.c/d", "a"]]]),
    ("see https://b.c/d.", [["p", "see ", ["a https://b.c/d", "https://b.c/d"], "."]]),
    # What would be dangerous as HTML is text.
    ("<script>alert(1)</script>", [["p", "<script>alert(1)</script>"]]),
    ("<img src=x onerror=alert(1)>", [["p", "<img src=x onerror=alert(1)>"]]),
    ("[a](javascript:alert(1))", [["p", "[a](javascript:alert(1))"]]),
    ("[a](JaVaScRiPt:x)", [["p", "[a](JaVaScRiPt:x)"]]),
    ("[a](data:text/html,x)", [["p", "[a](data:text/html,x)"]]),
    ('[a](https://b.c/"onclick="x)', [["p", ['a https://b.c/"onclick="x', "a"]]]),
]


def brief(node: Any) -> Any:
    """A node as `[tag, children…]`, with what it has besides in the tag's text."""
    if isinstance(node, str):
        return node
    more = [str(node[key]) for key in ("language", "href", "start") if node.get(key)]
    return [" ".join((node["tag"], *more)), *map(brief, node["children"])]


def parsed(texts: list[str]) -> list[Any]:
    node = program("node", package="nodejs")
    done = subprocess.run(
        [node, "--input-type=commonjs", "-e", f"(async () => {{{RUN}}})()", str(MODULE)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [[brief(block) for block in blocks] for blocks in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def trees() -> dict[str, Any]:
    texts = [text for text, _ in TABLE]
    return dict(zip(texts, parsed(texts), strict=True))


@pytest.mark.parametrize(("text", "tree"), TABLE, ids=[repr(text)[:40] for text, _ in TABLE])
def test_the_table(trees: dict[str, Any], text: str, tree: Any) -> None:
    assert trees[text] == tree


def test_every_beginning_of_a_text_is_shown_as_far_as_it_goes() -> None:
    text = "".join(text + "\n\n" for text, _ in TABLE)
    beginnings = [text[:end] for end in range(0, len(text), 3)]
    for beginning, tree in zip(beginnings, parsed(beginnings), strict=True):
        words = [word for word in beginning.split()[:-1] if word.isalpha()]
        shown = json.dumps(tree)
        assert not [word for word in words if word not in shown]


def test_a_long_line_of_marks_takes_no_longer_than_it_should() -> None:
    for marks in ("*a " * 3000, "`" * 5000, "[" * 5000, "_a" * 3000, "- " * 2000, "> " * 500):
        assert parsed([marks])
