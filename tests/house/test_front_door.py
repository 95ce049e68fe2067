"""Importing the package is cheap, and its names are what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tailrace

FRONT = Path(tailrace.__file__)

# Beyond what a bare interpreter loads: `typing` and what it needs.
MOST_MODULES_FOR_THE_PACKAGE = 40

HEAVY = (
    "aiohttp",
    "urllib3",
    "httpx2",
    "msgspec",
    "pydantic",
    "starlette",
    "redis",
    "ssl",
    "asyncio",
)


def loaded_after(code: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_importing_loads_almost_nothing() -> None:
    loaded = loaded_after("import tailrace")
    assert len(loaded) <= MOST_MODULES_FOR_THE_PACKAGE, sorted(loaded)
    assert not {name for name in loaded if name.partition(".")[0] in HEAVY}
    ours = {name for name in loaded if name.partition(".")[0] == "tailrace"}
    assert ours == {"tailrace", "tailrace._version"}


def test_a_client_loads_no_http_client_before_its_first_call() -> None:
    loaded = loaded_after("import tailrace; tailrace.Anthropic(api_key='x')")
    tops = {name.partition(".")[0] for name in loaded}
    assert not tops & {"aiohttp", "urllib3", "httpx2", "pydantic", "asyncio"}


def test_every_name_can_be_had() -> None:
    for name in tailrace.__all__:
        assert getattr(tailrace, name) is not None, name


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(FRONT.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen: set[str] = set()
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            seen |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            seen |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert seen == set(tailrace.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tailrace.no_such_name  # type: ignore[attr-defined]


def test_the_official_names_for_streaming_are_there() -> None:
    anthropic = pytest.importorskip("anthropic")
    out_of_scope = {
        # other products, credentials, telemetry and middleware of the official SDK
        "APIRequest", "AsyncCallNext", "AsyncMiddlewareCallable", "BetaFallbackState",
        "BetaRefusalFallbackMiddleware", "CallNext", "DEFAULT_CONNECTION_LIMITS",
        "DefaultAioHttpClient", "DefaultAsyncHttpxClient", "DefaultHttpxClient", "Middleware",
        "MiddlewareCallable", "MiddlewareInput", "NoneType", "OpenTelemetryClientOption",
        "OpenTelemetryOptions", "OpenTelemetryTraces", "RequestOptions",
        "ResolvedOpenTelemetryOptions", "ResolvedOpenTelemetryTraces", "__title__",
        "file_from_path", "transform_schema",
    }  # fmt: skip
    assert set(anthropic.__all__) - set(tailrace.__all__) <= out_of_scope
