from typing import Any

import pytest

from tailrace.simulator.caching import Cache

LONG = "word " * 1200
MARK = {"type": "ephemeral"}


def body(*turns: str, mark: Any = MARK, system: str = LONG, **fields: Any) -> dict[str, Any]:
    block = {"type": "text", "text": system, **({"cache_control": mark} if mark else {})}
    messages = [{"role": "user", "content": turn} for turn in turns or ("Hi",)]
    return {"model": "m", "system": [block], "messages": messages, **fields}


def figures(usage: dict[str, int]) -> tuple[int, int]:
    return usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]


def test_a_marked_beginning_is_written_then_read() -> None:
    cache = Cache()
    first, second = cache.usage(body("a"), 0.0), cache.usage(body("b"), 1.0)
    written, read = figures(first)[0], figures(second)[1]
    assert 1200 <= written == read
    assert figures(first)[1] == figures(second)[0] == 0
    assert first["input_tokens"] == second["input_tokens"] < 20


def test_without_a_mark_nothing_is_kept() -> None:
    cache = Cache()
    assert figures(cache.usage(body(mark=None), 0.0)) == (0, 0)
    assert figures(cache.usage(body(mark=None), 0.0)) == (0, 0)


def test_a_short_beginning_is_not_kept() -> None:
    cache = Cache()
    assert figures(cache.usage(body(system="short"), 0.0)) == (0, 0)


@pytest.mark.parametrize(
    ("mark", "late", "kept"),
    [
        (MARK, 299.0, True),
        (MARK, 301.0, False),
        ({"type": "ephemeral", "ttl": "1h"}, 3599.0, True),
        ({"type": "ephemeral", "ttl": "1h"}, 3601.0, False),
    ],
)
def test_how_long_it_is_kept(mark: Any, late: float, kept: bool) -> None:
    cache = Cache()
    cache.usage(body(mark=mark), 0.0)
    assert (figures(cache.usage(body(mark=mark), late))[1] > 0) is kept


def test_use_renews_it() -> None:
    cache = Cache()
    assert [figures(cache.usage(body(), at))[1] > 0 for at in (0.0, 200.0, 400.0)] == [
        False,
        True,
        True,
    ]


def test_another_text_or_model_is_another_beginning() -> None:
    cache = Cache()
    cache.usage(body(), 0.0)
    assert figures(cache.usage(body(system=LONG + "!"), 0.0))[1] == 0
    assert figures(cache.usage({**body(), "model": "n"}, 0.0))[1] == 0


def test_a_mark_on_the_request_marks_its_end() -> None:
    cache = Cache()
    cache.usage(body("a", mark=None, cache_control=MARK), 0.0)
    written, read = figures(cache.usage(body("a", LONG, mark=None, cache_control=MARK), 0.0))
    assert written > 1000
    assert read > 1000
