"""Markdown to a tree, as data: run by Node, compared with a table. No HTML is made anywhere."""

from __future__ import annotations

import json
import random
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
    ("1. a\n\n   b\n\n2. c", [["ol", ["li", "a", ["p", "b"]], ["li", "c"]]]),
    ("- a\n\n  - b\n\nc", [["ul", ["li", "a", ["ul", ["li", "b"]]]], ["p", "c"]]),
    ("- a\n\n1. b", [["ul", ["li", "a"]], ["ol", ["li", "b"]]]),
    (r"\*a\* and \b", [["p", "*", "a", "*", r" and \b"]]),
    (
        "| a |\n|---|\n| `b` \\| c |",
        [
            [
                "table",
                ["thead", ["tr", ["th", "a"]]],
                ["tbody", ["tr", ["td", ["code", "b"], " ", "|", " c"]]],
            ]
        ],
    ),
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
    return [[brief(block) for block in blocks] for blocks in run_node(RUN, texts)]


def run_node(script: str, given: Any) -> Any:
    node = program("node", package="nodejs")
    done = subprocess.run(
        [node, "--input-type=commonjs", "-e", f"(async () => {{{script}}})()", str(MODULE)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


# As much of a document as `show` needs; it counts what it makes.
GROW = """
const { show } = await import(process.argv[1]);
let made = 0;
class Node {
  instead(...others) {
    for (const one of others) one.above = this.above;
    this.above.childNodes.splice(this.above.childNodes.indexOf(this), 1, ...others);
  }
  replaceWith(other) { this.instead(other); }
  remove() { this.instead(); }
}
class Text extends Node {
  nodeType = 3;
  constructor(data) { super(); this.data = data; }
  appendData(more) { this.data += more; }
}
class Element extends Node {
  nodeType = 1; childNodes = []; dataset = {};
  constructor(name) { super(); this.name = name; made++; }
  get lastChild() { return this.childNodes.at(-1); }
  append(...more) { for (const one of more) { one.above = this; this.childNodes.push(one); } }
}
const document = {
  createElement: (name) => new Element(name), createTextNode: (data) => new Text(data),
};
const tree = (node) => node.nodeType === 3 ? node.data :
  [node.name, node.href, node.start, node.dataset.language, ...node.childNodes.map(tree)];
const fresh = (text) => {
  const place = new Element("div");
  show(place, text, document);
  return JSON.stringify(tree(place));
};
const [texts, long] = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const wrong = [];
for (const text of texts) {
  const place = new Element("div");
  for (let end = 0; end <= text.length; end++) {
    show(place, text.slice(0, end), document);
    if (JSON.stringify(tree(place)) !== fresh(text.slice(0, end))) wrong.push(text.slice(0, end));
  }
  show(place, "Anew", document);
  if (JSON.stringify(tree(place)) !== fresh("Anew")) wrong.push("anew");
}
made = 0;
const place = new Element("div");
show(place, long.slice(0, 20), document);
const first = place.childNodes[0];
for (let end = 20; end <= long.length; end += 20) show(place, long.slice(0, end), document);
console.log(JSON.stringify({ wrong, made, stays: first === place.childNodes[0] }));
"""


def test_a_text_that_grows_looks_as_if_it_had_come_at_once() -> None:
    dice = random.Random(5)
    pieces = [text for text, _ in TABLE] + [
        "---x",
        "```",
        "- ",
        "1. ",
        "|--",
        "> ",
        "    deep",
        "#",
    ]
    texts = [
        "".join(dice.choice(pieces) + dice.choice(["\n", "\n\n", "\n  "]) for _ in range(6))
        for _ in range(60)
    ]
    block = "Some *words* of a paragraph that goes on\n\n```py\nx = 1\n```\n\n"
    found = run_node(GROW, [texts, block * 300])
    assert found["wrong"] == []
    assert found["made"] < 300 * 12, "what does not change is not made again"
    assert found["stays"]


def test_a_long_line_of_marks_takes_no_longer_than_it_should() -> None:
    for marks in ("*a " * 3000, "`" * 5000, "[" * 5000, "_a" * 3000, "- " * 2000, "> " * 500):
        assert parsed([marks])
