"""Markdown blocks: what belongs together, and the moment a block leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.markdown_blocks import MarkdownBlocks


def split(fragments: list[str]) -> list[str]:
    splitter = MarkdownBlocks()
    pieces = [piece for fragment in fragments for piece in splitter.feed(fragment)]
    return pieces + splitter.end()


# Each list is the blocks of one text.
BLOCKS: dict[str, list[str]] = {
    "paragraphs": ["one\ntwo\n\n", "three\n"],
    "heading": ["# One\n", "text\n"],
    "heading without a space is text": ["#One\ntext\n"],
    "empty heading": ["##\n", "text\n"],
    "seven signs are text": ["####### x\ny\n"],
    "heading ends a paragraph": ["text\n", "## Two\n", "text"],
    "underlined heading": ["One\n===\n", "Two\nlines\n---\n", "text\n"],
    "rule": ["text\n\n", "---\n", "* * *\n", "text\n"],
    "rule ends a paragraph": ["text\n", "***\n", "text\n"],
    "fence": ["```py\nx\n\n# y\n```\n", "text\n"],
    "fence of tildes": ["~~~\n```\n~~~\n", "text\n"],
    "longer fence": ["````\n```\n````\n"],
    "fence ends a paragraph": ["text\n", "```\nx\n```\n", "text\n"],
    "fence that is inline code": ["``` x ``` y\nz\n"],
    "indented closing fence": ["```\nx\n   ```\n", "y\n"],
    "four columns do not close": ["```\nx\n    ```\ny\n"],
    "unclosed fence": ["text\n\n", "```\nx\n\n# y\n\nz"],
    "empty lines lead": ["# One\n", "\n\n\ntext\n"],
    "list": ["- a\n- b\n\n- c\n\n", "text\n"],
    "list with children": ["- a\n  - b\n\n    c\n- d\n\n", "text\n"],
    "list with a fence": ["1. a\n   ```\n   x\n\n   y\n   ```\n2. b\n"],
    "list, lazy line": ["- a\nb\n- c\n"],
    "list, then an unindented fence": ["- a\n", "```\nx\n```\n", "- b\n"],
    "list after a fence inside is not lazy": ["- ```\n  x\n  ```\n", "b\n"],
    "list after code inside is not lazy": ["-     x\n", "b\n"],
    "list after a heading inside is not lazy": ["- # x\n", "b\n"],
    "other bullets are another list": ["- a\n", "* b\n", "1. c\n", "1) d\n"],
    "list ends a paragraph": ["text\n", "- a\n"],
    "only a list from one does": ["text\n2. a\n", "1. b\n"],
    "an empty item does not": ["text\n*\nmore\n"],
    "ordered items": ["9. a\n10. b\n\n    c\n\n", "text\n"],
    "ten digits are text": ["1234567890. a\nb\n"],
    "bold is no bullet": ["- a\n\n", "**Bold** text\n"],
    "rule in a list": ["* a\n", "* * *\n", "* b\n"],
    "empty item takes one blank line": ["-\n\n", "  a\n"],
    "empty item with content below": ["-\n  a\n\n  b\n"],
    "tabs": ["-\ta\n\n\tb\n\n", "text\n"],
    "tab as wide as four columns": ["-\ta\n\n    b\n\n", "text\n"],
    "content four columns in": ["-    a\n\n", "  b\n"],
    "content four columns in, lazy": ["-    a\nb\n"],
    "code as content": ["-     a\n\n  b\n"],
    "code below content": ["- a\n\n      b\n", "c\n"],
    "nested items are no siblings": ["- a\n  - b\n\n  c\n"],
    "spaces are no content": ["-   \n  a\n\n  b\n"],
    "quote": ["> a\n> b\n\n", "> c\n"],
    "quote, lazy line": ["> a\nb\n\n", "c\n"],
    "quote, list after it": ["> a\n", "- b\n"],
    "quote, fence inside is not lazy": ["> ```\n> x\n", "y\n"],
    "quote ends a paragraph": ["text\n", "> a\n"],
    "table": ["| a | b |\n|---|:-:|\n| 1 | 2 |\n\n", "text\n"],
    "table and a rule": ["a | b\n-|-\n1 | 2\n", "---\n", "text\n"],
    "table ended by a list": ["| a |\n|---|\n| 1 |\n", "2. x\n"],
    "row of another width is no table": ["| a | b |\n|---|\n2. x\n"],
    "table below a paragraph stays with it": ["text\n| a |\n|---|\n| 1 |\n"],
    "indented code": ["    x\n\n    y\n\n", "text\n"],
    "indented line of a paragraph": ["text\n    more\n"],
    "indented underline": ["text\n    ---\nmore\n"],
    "comment": ["<!-- a\n\nb -->\n", "text\n"],
    "comment on a line": ["<!-- a -->\n", "text\n"],
    "script": ["<script>\n\nx\n</script>\n", "text\n"],
    "instruction": ["<?php\n\n?>\n", "text\n"],
    "declaration": ["<!DOCTYPE\n\nhtml>\n", "text\n"],
    "cdata": ["<![CDATA[\n\n]]>\n", "text\n"],
    "details": ["<details>\n# x\n- y\n\n", "text\n"],
    "closing tag": ["</div>\n# x\n\n", "text\n"],
    "lone tag": ["<x-y z='1'>\n# x\n\n", "text\n"],
    "lone tag does not end a paragraph": ["text\n<x-y>\nmore\n"],
    "details ends a paragraph": ["text\n", "<details>\nx\n"],
    "inline tag": ["<b>x</b>\n", "# y\n"],
    "windows newlines": ["# a\r\n", "b\r\n\r\n", "```\r\nc\r\n```\r\n", "d\r\n---\r\n"],
    "blank text": ["\n  \n"],
    "no newline at the end": ["text\n\n", "# a"],
}


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_blocks(blocks: list[str]) -> None:
    text = "".join(blocks)
    assert split([text]) == blocks
    assert split(list(text)) == blocks


# What is fed, and what has left by then.
MOMENTS = [
    ("# One", []),
    ("# One\n", ["# One\n"]),
    ("text\n", []),
    ("text\n ", []),
    ("text\n\n", ["text\n\n"]),
    ("text\n#", []),
    ("text\n# ", ["text\n"]),
    ("text\n>", ["text\n"]),
    ("text\n~~", []),
    ("text\n~~~", ["text\n"]),
    ("text\n```py", []),
    ("text\n```py\n", ["text\n"]),
    ("text\n- ", []),
    ("text\n- x", ["text\n"]),
    ("text\n1. x", ["text\n"]),
    ("text\n2. x", []),
    ("text\n--", []),
    ("text\n---\n", ["text\n---\n"]),
    ("text\n<details ", ["text\n"]),
    ("```\nx\n``", []),
    ("```\nx\n```", []),
    ("```\nx\n```\n", ["```\nx\n```\n"]),
    ("- a\n\n", []),
    ("- a\n\nT", ["- a\n\n"]),
    ("- a\n\n*", []),
    ("- a\n\n**", []),
    ("- a\n\n**B", ["- a\n\n"]),
    ("- a\n\n1", []),
    ("- a\n\n1x", ["- a\n\n"]),
    ("- a\nT", []),
    ("> a\n\n", ["> a\n\n"]),
    ("| a |\n|---|\n| 1 |\n\n", ["| a |\n|---|\n| 1 |\n\n"]),
    ("    x\n\n", []),
    ("    x\n\n  y", ["    x\n\n"]),
    ("---\n", ["---\n"]),
    ("<!-- x -->\n", ["<!-- x -->\n"]),
]


@pytest.mark.parametrize(("text", "gone"), MOMENTS)
@pytest.mark.parametrize("fragments", [lambda text: [text], list], ids=["whole", "characters"])
def test_a_block_leaves_at_this_character(
    fragments: type[list[str]], text: str, gone: list[str]
) -> None:
    splitter = MarkdownBlocks()
    assert [piece for part in fragments(text) for piece in splitter.feed(part)] == gone


LINES = st.sampled_from(
    """# H/text//- a/* b/1. x/2. y/  in/    in/\tin/```/``` a`/~~~/> q/---/===/| a |/|---|/**B** t
    <!-- c/-->/<div>/<b>/<pre>/-/- - -/+   x/\r/- # h""".replace("\n    ", "/").split("/")
).map("{}\n".format)
TEXT = st.lists(LINES, max_size=10).map("".join)


@given(text=TEXT, size=st.integers(1, 7))
def test_cuts_do_not_matter(text: str, size: int) -> None:
    whole = split([text])
    assert "".join(whole) == text
    assert split([text[at : at + size] for at in range(0, len(text), size)]) == whole


@given(before=TEXT, code=TEXT.filter(lambda text: "~~~" not in text), after=TEXT)
def test_a_closed_fence_is_one_block(before: str, code: str, after: str) -> None:
    settled = split([before + "\n\n# end\n"])
    fence = f"~~~\n{code}~~~\n"
    if settled[-1] == "# end\n":  # nothing is left open that goes on over blank lines
        assert split(["".join(settled) + fence + after])[: len(settled) + 1] == [*settled, fence]
