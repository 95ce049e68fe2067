"""Build the documentation into a folder of HTML pages: `make docs`, or `build_docs.py FOLDER`.

The pages are docs/*.md and, made from the docstrings of the public names, a reference for each
public package. What is built depends on the sources alone: the same sources give the same bytes.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
import tomllib
from pathlib import Path

import markdown
from docs_reference import PACKAGES, has_public_names, reference
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).parents[1]
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"][
    "Documentation"
].partition("/tree/")[0]

# Pages in the order of the navigation; pages that are not listed come after these.
ORDER = (
    "index",
    "guide",
    "tools",
    "reliability",
    "simulator",
    "relay",
    "deploying",
    "performance",
    "divergences",
    "design",
)

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --page: #fff; --line: #8884; --link: #0b62a4; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e6e8; --page: #16181a; --link: #7cc0f5; } }
body { margin: 0 auto; max-width: 52rem; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif;
  color: var(--text); background: var(--page); }
nav { display: flex; flex-wrap: wrap; gap: 0 1.2rem; padding-bottom: .5rem;
  border-bottom: 1px solid var(--line); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
a.headerlink { visibility: hidden; padding-left: .4rem; }
:is(h1, h2, h3, h4):hover a.headerlink { visibility: visible; }
h1, h2, h3 { line-height: 1.25; margin-top: 2rem; } h3 { font-family: ui-monospace, monospace; }
code, pre { font: .9em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: .4rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .3rem .6rem; border: 1px solid var(--line); text-align: left; }
td { vertical-align: top; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<nav>{nav}</nav>
<main>
{body}
</main>
</body>
</html>
"""


def build(target: Path) -> list[Path]:
    """Write the pages into `target`, which is emptied first, and return them."""
    pages = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
    pages = {name: pages[name] for name in (*(n for n in ORDER if n in pages), *pages)}
    for package in PACKAGES:
        if has_public_names(package):
            pages[_page_of(package)] = "".join(reference(package))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for pictures in (path for path in (ROOT / "docs").iterdir() if path.is_dir()):
        shutil.copytree(pictures, target / pictures.name)
    (target / "style.css").write_text(STYLE + _highlighting(), "utf-8")
    titles = {name: _title(text) for name, text in pages.items()}
    nav = " ".join(f'<a href="{name}.html">{html.escape(titles[name])}</a>' for name in pages)
    for name, text in pages.items():
        page = PAGE.format(title=html.escape(titles[name]), nav=nav, body=render(text))
        (target / f"{name}.html").write_text(page, "utf-8")
    return [target / f"{name}.html" for name in pages]


def render(text: str) -> str:
    """A page's Markdown as HTML, its links leading to where things are in the built pages."""
    text = re.sub(r"^(```\w+) [^\n]+$", r"\1", text, flags=re.M)  # marks for the tests
    converted = markdown.markdown(
        text,
        extensions=["tables", "fenced_code", "codehilite", "toc", "sane_lists"],
        extension_configs={
            "codehilite": {"guess_lang": False},
            "toc": {"permalink": "#", "permalink_title": "Link to this"},
        },
        output_format="html",
    )
    converted = re.sub(r'href="(?!https?:)([^"#]+)\.md(#[^"]*)?"', r'href="\1.html\2"', converted)
    converted = re.sub(r'href="\.\./', f'href="{REPOSITORY}/blob/main/', converted)
    return converted.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )


def _highlighting() -> str:
    light = HtmlFormatter(style="friendly").get_style_defs(".codehilite")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".codehilite")
    plain = ".codehilite { background: none !important; }"
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n{plain}\n"


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _page_of(package: str) -> str:
    return "reference" + package.removeprefix("tailrace").replace(".", "-")


if __name__ == "__main__":
    written = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site")
    sys.stdout.write(f"{len(written)} pages; begin at {written[0]}\n")
