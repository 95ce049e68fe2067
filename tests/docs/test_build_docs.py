"""`make docs`: every public name is on a page, every link leads somewhere."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("markdown", reason="the package markdown is not installed")

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_docs.py"


@pytest.fixture(scope="module")
def builder() -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        yield {
            **runpy.run_path(str(SCRIPT)),
            **runpy.run_path(str(SCRIPT.parent / "docs_reference.py")),
        }


@pytest.fixture(scope="module")
def site(builder: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages by their file names."""
    target = tmp_path_factory.mktemp("site")
    return {page.name: page.read_text("utf-8") for page in builder["build"](target)}


def anchors(page: str) -> set[str]:
    return set(re.findall(r'id="([^"]+)"', page))


def test_every_page_of_docs_is_there(site: dict[str, str]) -> None:
    pages = {f"{page.stem}.html" for page in (SCRIPT.parents[1] / "docs").glob("*.md")}
    assert pages <= site.keys()
    assert next(iter(site)) == "index.html"


@pytest.mark.parametrize(
    ("package", "page"),
    [
        ("tailrace", "reference.html"),
        ("tailrace.types", "reference-types.html"),
        ("tailrace.relay", "reference-relay.html"),
        ("tailrace.simulator", "reference-simulator.html"),
        ("tailrace.testing", "reference-testing.html"),
        ("tailrace.web", "reference-web.html"),
    ],
)
def test_every_public_name_has_an_entry(site: dict[str, str], package: str, page: str) -> None:
    names = set(import_module(package).__all__) - {"__version__", "types", "beta"}
    headings = set(re.findall(r"<h3[^>]*>(\w+)", site[page]))
    assert names - headings == set()


def test_every_public_name_says_what_it_is(builder: dict[str, Any]) -> None:
    text = "".join(builder["reference"]("tailrace"))
    entries = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.M | re.S))
    assert [name for name, entry in entries.items() if not entry.strip()] == []


def test_every_link_leads_somewhere(site: dict[str, str]) -> None:
    for name, page in site.items():
        for target in re.findall(r'href="([^"]+)"', page):
            file, _, anchor = target.partition("#")
            if target.startswith("http") or file == "style.css":
                continue
            assert not file or file in site, f"{name}: {target}"
            assert not anchor or anchor in anchors(site[file or name]), f"{name}: {target}"


def test_every_picture_is_there(builder: dict[str, Any], tmp_path: Path) -> None:
    shown = [
        (page.name, picture)
        for page in builder["build"](tmp_path)
        for picture in re.findall(r'<img [^>]*src="([^"]+)"', page.read_text("utf-8"))
    ]
    assert shown
    assert [where for where in shown if not (tmp_path / where[1]).is_file()] == []


def test_the_marks_of_code_blocks_are_not_shown(site: dict[str, str]) -> None:
    assert "```" not in site["guide.html"]
    assert "text output" not in site["guide.html"]


def test_the_same_sources_give_the_same_bytes(
    builder: dict[str, Any], site: dict[str, str], tmp_path: Path
) -> None:
    again = {page.name: page.read_text("utf-8") for page in builder["build"](tmp_path / "site")}
    assert again == site


@pytest.mark.parametrize(
    ("docstring", "markdown"),
    [
        ("A text.", "A text."),
        (
            "Call it.\n\n    Raises:\n        ValueError: no, and\n            never.\n    ",
            "Call it.\n\nRaises:\n\n- `ValueError`: no, and never.\n",
        ),
    ],
)
def test_docstrings_become_markdown(builder: dict[str, Any], docstring: str, markdown: str) -> None:
    assert builder["_prose"](docstring) == markdown
