"""Fixtures for every room of the tests."""

from __future__ import annotations

import pytest
from tests.corpus import ABSENT, Recording, recordings


@pytest.fixture(scope="session")
def corpus() -> tuple[Recording, ...]:
    """Every recorded stream. Skips the test where there are none."""
    if not recordings():
        pytest.skip(ABSENT)
    return recordings()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a `recording` once for each recorded stream."""
    if "recording" in metafunc.fixturenames:
        absent = pytest.param(None, id="absent", marks=pytest.mark.skip(reason=ABSENT))
        metafunc.parametrize(
            "recording", recordings() or [absent], ids=lambda one: one and one.name
        )


# Here nothing may be left unclosed, not even for the garbage collector.
CLOSES_EVERYTHING = ("aio", "e2e", "procedures", "sync", "transports")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    strict = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
    for item in items:
        if item.path.parent.name in CLOSES_EVERYTHING:
            item.add_marker(strict)
