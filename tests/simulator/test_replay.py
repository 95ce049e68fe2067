"""Which tape a request gets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.simulator import redact
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.replay import How, Mismatch, Replay, differences, load_tapes
from tailrace.simulator.tape import Tape, dump

VERSION = (("anthropic-version", "2023-06-01"),)


def tape(name: str, text: str = "Hi", **fields: Any) -> Tape:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}], **fields}
    return Tape("POST", "/v1/messages", 200, VERSION, json.dumps(body).encode(), name=name)


def asks(like: Tape, **headers: str) -> HttpRequest:
    named = {**dict(VERSION), "x-api-key": "k", **headers}
    path, _, query = like.path.partition("?")
    return HttpRequest(like.method, path, query, named, like.request_body)


A, B, OTHER = tape("a", "one"), tape("b", "two"), tape("c", "three", stream=False)


def played(replay: Replay, *requests: Tape) -> list[str]:
    found = [replay.next(asks(request)) for request in requests]
    return [one.name if isinstance(one, Tape) else "none" for one in found]


def test_strict_wants_the_same_body() -> None:
    assert played(Replay([A, B]), B, A, OTHER) == ["b", "a", "none"]


def test_the_same_request_gets_its_tapes_in_order_then_again() -> None:
    replay = Replay([A, replace(A, name="a2"), B])
    assert played(replay, A, A, A, B) == ["a", "a2", "a", "b"]


def test_order_asks_nothing() -> None:
    assert played(Replay([A, B], match="order"), OTHER, A, B) == ["a", "b", "a"]


def test_loose_takes_the_nearest_of_the_same_kind() -> None:
    near = tape("x", "two", max_tokens=5)
    assert played(Replay([A, B, OTHER], match="loose"), near, OTHER) == ["b", "c"]


def test_loose_plays_others_before_it_repeats() -> None:
    assert played(Replay([A, B], match="loose"), A, A) == ["a", "b"]


@pytest.mark.parametrize("match", ["strict", "loose"])
def test_another_path_fits_nothing(match: How) -> None:
    assert played(Replay([A], match=match), replace(A, path="/v1/other")) == ["none"]


def test_the_space_in_json_does_not_matter() -> None:
    spaced = replace(A, request_body=json.dumps(A.json, indent=3).encode())
    assert played(Replay([A]), spaced) == ["a"]


def test_keys_do_not_matter_but_version_and_betas_do() -> None:
    assert differences(A, asks(A, **{"x-api-key": "other", "user-agent": "x"})) == []
    told = differences(A, asks(A, **{"anthropic-beta": "x-2025-01-01"}))
    assert [one.where for one in told] == ["anthropic-beta"]


def test_a_masked_tape_fits_the_request_it_was_made_of() -> None:
    masked = redact.clean(A, mask=True)
    assert played(Replay([masked]), A) == ["a"]


def test_what_differs_is_said_by_place_and_size() -> None:
    asked = tape("x", "three", max_tokens=5)
    replay = Replay([A, OTHER])
    found = replay.next(asks(asked))
    assert isinstance(found, Mismatch)
    assert replay.mismatches == [found]
    assert str(found) == (
        "no tape fits this POST /v1/messages; the closest is a, but body.messages[0].content: a "
        "text of 5 characters instead of a text of 3 characters; body.max_tokens: 5 instead of "
        "nothing"
    )
    assert "three" not in repr(found)
    assert [one.asked for one in found.differences][:1] == ["three"]


def test_a_path_never_recorded_is_said_so() -> None:
    told = Replay([A]).next(HttpRequest("GET", "/v1/models"))
    assert str(told) == "no tape has GET /v1/models"


@pytest.mark.parametrize(
    ("recorded", "asked", "where"),
    [
        ([1, 2], [1], ["body.v"]),
        ([1, 2], [1, 3], ["body.v[1]"]),
        ({"a": 1}, {"b": 1}, ["body.v.a", "body.v.b"]),
        (1, True, ["body.v"]),
        (1, 1.0, ["body.v"]),
        ("x", None, ["body.v"]),
    ],
)
def test_where_values_differ(recorded: Any, asked: Any, where: list[str]) -> None:
    told = differences(tape("a", v=recorded), asks(tape("b", v=asked)))
    assert [one.where for one in told] == where


def test_what_no_one_asked_for_is_known() -> None:
    replay = Replay([A, B])
    replay.next(asks(B))
    assert [one.name for one in replay.unplayed] == ["a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"match": "exact"}, "match must be"),
        ({"speed": 0}, "speed must be positive"),
        ({"tapes": []}, "no tapes"),
    ],
)
def test_impossible_settings_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Replay(**{"tapes": [A], **options})


def test_tapes_are_read_from_a_folder(tmp_path: Path) -> None:
    for one in (B, A):
        (tmp_path / f"{one.name}.tape").write_text(dump(one))
    assert [one.name for one in load_tapes(tmp_path)] == ["a.tape", "b.tape"]
    with pytest.raises(FileNotFoundError, match="no tapes in"):
        load_tapes(tmp_path / "none")
