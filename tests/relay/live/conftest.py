"""One bed for all tests here, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser import chromium

from .bed import HERE, Bed


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Three nodes on an SQLite journal."""
    folder = tmp_path_factory.mktemp("bed")
    with Bed(folder, str(folder / "relay.db")) as running:
        shutil.copy(HERE / "pages" / "view.html", running.pages)
        yield running


@pytest.fixture(autouse=True)
def mended(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test killed or left is in order for the next one."""
    yield
    for name in ("bed", "redis_bed"):
        if name in request.fixturenames:
            request.getfixturevalue(name).mend()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def browse(browser: Any) -> Iterator[Any]:
    """A browser's window: cookies of its own."""
    context = browser.new_context()
    yield context
    context.close()
