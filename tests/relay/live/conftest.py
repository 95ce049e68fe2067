"""One bed for all tests here, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from tests.parts import program

from .bed import HERE, Bed

CHROMIUM = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update
"""


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


@pytest.fixture(scope="session")
def chromium():
    binary = program("chromium", "chromium-browser", "google-chrome")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=CHROMIUM.split())
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """A browser's window: cookies of its own."""
    context = chromium.new_context()
    yield context
    context.close()
