"""What importing costs, and which file imports whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.parts import node_packages

from tailrace import relay

FOLDER = Path(relay.__file__).parent
HOMES = {"redis": "redis.py", "starlette": "starlette.py"}


def test_every_name_is_there() -> None:
    assert sorted(relay.__all__) == relay.__all__ == dir(relay)
    for name in relay.__all__:
        assert getattr(relay, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = relay.nothing_here


def test_third_parties_stay_in_one_file_each() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = str(name).partition(".")[0]
                assert HOMES.get(top, path.name) == path.name, f"{path.name} imports {name}"


def test_a_relay_without_redis_starlette_or_a_client() -> None:
    code = (
        "import sys; from tailrace.relay import Relay, check_journal; Relay('memory:');"
        "print({'redis', 'starlette', 'aiohttp', 'urllib3'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_relay_js_is_small() -> None:
    folder = node_packages("esbuild")
    command = ["node", "node_modules/esbuild/bin/esbuild", "--minify", "--loader=js"]
    minified = subprocess.run(
        command,
        cwd=folder,
        input=(FOLDER / "relay.js").read_bytes(),
        capture_output=True,
        check=True,
    ).stdout
    assert b"relayFetch" in minified
    assert len(minified) < 3072
