"""What the README and the pages of docs/ show works: every block is run against the simulator.

A fence of ```` ```python ```` is run as a program of its own, one marked `python continues` goes on
from the block before it. A fence of ```` ```text output ```` is what the block before it prints. Of
```` ```sh ```` fences each line that runs `tailrace` is run in a shell.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.parts import program

import tailrace
from tailrace.simulator import Simulator, acts

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# The first word of a line, and why the line is not run here.
NOT_RUN = {
    "#": "a comment",
    "cd": "moves to a clone",
    "curl": "needs a server that another line starts; those of the simulator are run below",
    "docker": "starts a server",
    "export": "the tests' environment leads to the simulator already",
    "git": "needs a repository with changes",
    "granian": "serves until it is ended; tests/relay/live does that",
    "hypercorn": "serves until it is ended; tests/relay/live does that",
    "make": "sets the project up",
    "pip": "installs",
    "python": "examples are run by tests/examples",
    "uvicorn": "serves until it is ended",
}
# tests/cli, tests/web and tests/relay start, use and end these.
SERVES = (
    "tailrace chat-web",
    "tailrace relay-show",
    "tailrace sim",
    "tailrace record",
    "tailrace relay worker",
    "tailrace replay",
    "tailrace grade --limit",
)

REDIS = re.compile(r"redis://|rediss://")

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)


@dataclass
class Block:
    """A fenced block: where it is, what it says and, for Python, what it should print."""

    page: Path
    line: int
    code: str
    before: list[Block] = field(default_factory=list)
    output: str | None = None

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def fences(page: Path) -> Iterator[tuple[str, str, Block]]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield (
            found[1],
            found[2].strip(),
            Block(page, text.count("\n", 0, found.start()) + 2, found[3]),
        )


def python_blocks() -> Iterator[Block]:
    for page in PAGES:
        last: Block | None = None
        for language, marks, block in fences(page):
            if language == "python":
                if marks == "continues":
                    assert last is not None, f"{block.name} continues nothing"
                    block.before = [*last.before, last]
                else:
                    assert not marks, f"{block.name}: what is {marks!r}?"
                yield block
                last = block
            elif language == "text" and marks == "output":
                assert last is not None, f"{block.name} is the output of nothing"
                last.output = block.code


def shell_lines() -> Iterator[Block]:
    for page in PAGES:
        for language, _, block in fences(page):
            if language != "sh":
                continue
            for offset, line in enumerate(block.code.splitlines()):
                if line.strip():
                    yield Block(page, block.line + offset, line)


def is_run(line: Block) -> bool:
    return line.code.split()[0] not in NOT_RUN and not line.code.startswith(SERVES)


def commands() -> list[Block]:
    """The lines to run; what stands on several pages is run once."""
    said = {re.sub(r"\s*#.*", "", line.code): line for line in shell_lines() if is_run(line)}
    return list(said.values())


@pytest.fixture(autouse=True)
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The simulator that the environment leads to."""
    for name in [name for name in os.environ if name.startswith("ANTHROPIC")]:
        monkeypatch.delenv(name)
    with Simulator() as simulator:
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        yield simulator


def run(block: Block, namespace: dict[str, object]) -> str:
    """Run a block and return what it prints."""
    # The line numbers of a traceback are then those of the page.
    source = "\n" * (block.line - 1) + block.code
    program = compile(source, str(block.page), "exec", dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, namespace)
    return printed.getvalue()


@pytest.mark.filterwarnings("ignore:unclosed")  # programs end without closing their client
@pytest.mark.parametrize("block", [pytest.param(one, id=one.name) for one in python_blocks()])
def test_python(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if any(REDIS.search(one.code) for one in (*block.before, block)):
        pytest.skip("needs a Redis server")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for earlier in block.before:
        run(earlier, namespace)
    printed = run(block, namespace)
    namespace.clear()
    gc.collect()  # what a block leaves behind is its own fault, not the next test's
    if block.output is not None:
        assert printed == block.output


@pytest.mark.parametrize("line", [pytest.param(one, id=one.name) for one in commands()])
def test_shell(line: Block) -> None:
    assert "tailrace" in line.code, f"{line.name}: not a line to run; see the table NOT_RUN"
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", line.code],
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_calls_of_the_simulator() -> None:
    """The lines that begin with `curl -H "$TOKEN" $SIM`, in their order."""
    curl = program("curl")
    lines = [line.code for line in shell_lines() if line.code.startswith('curl -H "$TOKEN" $SIM')]
    assert len(lines) > 4
    token = "a token of ours"
    with Simulator([acts.Ping(), acts.Stall()], control_token=token) as simulator:
        client = tailrace.Anthropic(base_url=simulator.url, max_retries=0)
        message = {"role": "user", "content": "Hi"}
        asked = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [message]}
        with ThreadPoolExecutor(1) as pool, client:
            asking = pool.submit(client.messages.create, stream=False, **asked)
            while not simulator.requests:
                time.sleep(0.01)
            environment = {
                "SIM": f"{simulator.url}/_tailrace",
                "TOKEN": f"x-tailrace-token: {token}",
            }
            for line in lines:
                done = subprocess.run(
                    ["bash", "-c", line.replace("curl", f"{curl} -sS", 1)],
                    env=os.environ | environment,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                assert done.returncode == 0, done.stderr
                assert "error" not in json.loads(done.stdout), (line, done.stdout)
            assert isinstance(asking.exception(timeout=30), tailrace.APIConnectionError)


def test_there_is_something_to_run() -> None:
    assert len(list(python_blocks())) > 20
    assert len(commands()) > 3


def test_relative_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
