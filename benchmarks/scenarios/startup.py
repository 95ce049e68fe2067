"""Start-up: import, client and first token of a fresh process; what is installed."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT, Bench
from benchmarks.measure import Results, Row, Target, column

TITLE = "Start-up"
ABOUT = """
A fresh interpreter imports the library and makes a client; then, in another process, it goes on to
the first text of a first reply. The interpreter's own start is taken off CPU and modules, and is in
the memory. Bytecode is compiled beforehand. What is installed counts the library with everything
it requires.
"""

TARGETS_CPU = [Target("official", 1 / 12)]
TARGETS_MEMORY = [Target("official", 1 / 2)]

PROGRAM = """
import time; before = time.process_time()
{code}
import json, resource, sys
with open("/proc/self/statm") as statm:
    pages = int(statm.read().split()[1])
print(json.dumps({{
    "cpu": time.process_time() - before,
    "rss": pages * resource.getpagesize(),
    "modules": len(sys.modules),
}}))
"""

CLIENTS = {
    "tailrace": "import tailrace as api; client = api.Anthropic(base_url={url!r}, api_key='x')",
    "official": "import anthropic as api; client = api.Anthropic(base_url={url!r}, api_key='x')",
    "openai": "import openai as api; client = api.OpenAI(base_url={url!r}, api_key='x')",
    "litellm": "import os; os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'; import litellm",
    "bare": "",
}
ASYNC_CLIENTS = {
    "tailrace": CLIENTS["tailrace"].replace("Anthropic(", "AsyncAnthropic("),
    "official": CLIENTS["official"].replace("Anthropic(", "AsyncAnthropic("),
    "bare": "import asyncio",
}
FIRST_TEXT = """
with client.messages.stream(
    model="m", max_tokens=9, messages=[{{"role": "user", "content": "hello"}}]
) as stream:
    next(iter(stream.text_stream))
"""
ASYNC_FIRST_TEXT = """
import asyncio
async def first():
    async with client.messages.stream(
        model="m", max_tokens=9, messages=[{{"role": "user", "content": "hello"}}]
    ) as stream:
        async for text in stream.text_stream:
            break
asyncio.run(first())
"""

DISTRIBUTIONS = {
    "tailrace": "tailrace",
    "official": "anthropic",
    "openai": "openai",
    "litellm": "litellm",
}


def run(bench: Bench) -> list[Row]:
    """Processes that start, and what is on the disk."""
    url = bench.addresses.url("text/20/1")
    clients = {
        name: code.format(url=url)
        for name, code in CLIENTS.items()
        if not (bench.quick and name in {"openai", "litellm"})
    }
    rows = _rows("sync client", _start(bench, clients))
    if bench.quick:
        return rows
    both = ("tailrace", "official", "bare")
    first = {name: clients[name] + FIRST_TEXT.format() * (name != "bare") for name in both}
    rows += _rows("first token, sync", _start(bench, first))
    later = {
        name: code.format(url=url) + ASYNC_FIRST_TEXT.format() * (name != "bare")
        for name, code in ASYNC_CLIENTS.items()
    }
    rows += _rows("first token, async", _start(bench, later))
    return rows + _installed()


def _start(bench: Bench, programs: dict[str, str]) -> Results:
    """Figures of each program, a dictionary a round; the bare interpreter's are among them."""
    results: Results = {}
    for number in range(bench.rounds + 1):
        for name, code in programs.items():
            done = bench.run([sys.executable, "-c", PROGRAM.format(code=code)])
            if done is None or done.returncode:
                continue
            if number:  # the first time compiles bytecode and fills the disk's cache
                figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
                results.setdefault(name, []).append(figures)
    return results


def _rows(what: str, results: Results) -> list[Row]:
    client = what == "sync client"
    rows = [
        Row(f"{what}: CPU", "ms", _above_bare(results, "cpu", 1e3), TARGETS_CPU * client),
        Row(f"{what}: memory", "MB", column(results, "rss", 1e-6), TARGETS_MEMORY * client),
        Row(f"{what}: modules", "modules", _above_bare(results, "modules", 1), plotted=False),
    ]
    return rows[: 3 if client else 2]


def _above_bare(results: Results, key: str, times: float) -> dict[str, list[float]]:
    values = column(results, key, times)
    bare = values.pop("bare", [0.0])
    least = min(bare)
    return {name: [max(value - least, 0.0) for value in found] for name, found in values.items()}


def _installed() -> list[Row]:
    closures: dict[str, Any] = {}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            closures[name] = _closure(distribution)
        except metadata.PackageNotFoundError:
            continue
    sizes = {name: [sum(map(_size, found)) / 1e6] for name, found in closures.items()}
    numbers = {name: [float(len(found))] for name, found in closures.items()}
    return [
        Row("installed, without bytecode", "MB", sizes, plotted=False),
        Row("distributions, itself included", "packages", numbers, plotted=False),
    ]


def _closure(name: str, seen: set[str] | None = None) -> set[str]:
    """A distribution and all it requires here, extras aside."""
    from packaging.requirements import Requirement

    seen = set() if seen is None else seen
    if name in seen:
        return seen
    requirements = metadata.requires(name) or []
    seen.add(name)
    for line in requirements:
        requirement = Requirement(line)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted:
            _closure(requirement.name.lower().replace("_", "-"), seen)
    return seen


def _size(name: str) -> int:
    if name == "tailrace":  # an editable install lists no files
        paths = list((ROOT / "src" / "tailrace").rglob("*.py"))
    else:
        listed = metadata.files(name) or []
        paths = [Path(str(file.locate())) for file in listed if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())
