import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tailrace.core import circumstances as around
from tailrace.core.view import View

MOMENTS = [
    ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    ("2026-01-02T03:04:05.678901234Z", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (
        "2026-01-02T03:04:05+02:00",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
    ),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_expires_at_reads_as_a_moment(text, moment):
    container = around.Container(id="c", expires_at=text)
    assert container.expires_at == moment
    assert container.expires_at.utcoffset() == moment.utcoffset()
    assert container["expires_at"] == text
    assert json.loads(container.to_json()) == {"id": "c", "expires_at": text}


@pytest.mark.parametrize("value", ["soon", "", 1767323045, None])
def test_what_is_no_moment_reads_as_itself(value):
    assert around.Container(expires_at=value).expires_at == value


def test_a_moment_can_be_set():
    container = around.Container(id="c")
    container.expires_at = MOMENTS[0][1]
    assert container.expires_at == MOMENTS[0][1]
    assert json.loads(container.to_json())["expires_at"] == MOMENTS[0][0]


def test_skills_are_views():
    container = around.Container(skills=[{"type": "custom", "skill_id": "s", "version": "1"}])
    assert type(container.skills[0]) is around.ContainerSkill


@pytest.mark.parametrize(("kind", "cls"), around.CACHE_MISSES.items())
def test_cache_misses_are_told_apart(kind, cls):
    assert type(around.Diagnostics(cache_miss_reason={"type": kind}).cache_miss_reason) is cls


@pytest.mark.parametrize(("kind", "cls"), around.EDITS.items())
def test_edits_are_told_apart(kind, cls):
    response = around.BetaContextManagementResponse(applied_edits=[{"type": kind}, {"type": "?"}])
    assert [type(edit) for edit in response.applied_edits] == [cls, View]


def test_an_unknown_refusal_category_passes_through():
    details = around.RefusalStopDetails(type="refusal", category="brand_new")
    assert (details.category, details.explanation) == ("brand_new", None)
