"""The table of rooms in docs/design.md is the truth about who imports whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tailrace"


def table() -> dict[str, tuple[set[str], set[str]]]:
    lines = (ROOT / "docs" / "design.md").read_text().splitlines()
    start = lines.index("| room | imports | third parties |") + 2
    rows: dict[str, tuple[set[str], set[str]]] = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        room, imports, others = (cell.strip() for cell in line.strip("|").split("|"))
        rows[room] = (_names(imports), _names(others))
    return rows


def _names(cell: str) -> set[str]:
    return {name.strip() for name in cell.split(",") if name.strip()}


def running_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that happen when running, wherever they stand in the file."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from running_imports(other)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        else:
            yield from running_imports(node)


def imported(path: Path) -> Iterator[str]:
    """The modules a file imports, by their full names."""
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in running_imports(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.level:
            above = package[: len(package) - node.level + 1]
            yield ".".join((*above, node.module or ""))
        else:
            yield node.module or ""


def rooms() -> list[str]:
    return sorted(
        path.stem
        for path in PACKAGE.iterdir()
        if (path.is_dir() and path.name != "__pycache__")
        or (path.suffix == ".py" and not path.name.startswith("_"))
    )


def test_every_room_is_in_the_table() -> None:
    assert set(rooms()) <= set(table())


@pytest.mark.parametrize("room", sorted(table()))
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    allowed, others = table()[room]
    folder = PACKAGE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]
    for path in files:
        for module in imported(path):
            top, _, rest = module.partition(".")
            if top == "tailrace":
                inner = rest.partition(".")[0]
                assert inner in {room, *allowed, "_version", ""}, f"{path.name} imports {module}"
            elif top not in sys.stdlib_module_names:
                assert top in others, f"{path.name} imports {module}"
