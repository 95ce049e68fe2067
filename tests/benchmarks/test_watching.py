"""A viewer of the relay's scenario knows whether it got every event, once and in order."""

from __future__ import annotations

import asyncio

import pytest
from benchmarks.watching import Viewer, all_get_more, check


def frame(number: int) -> bytes:
    return b'data: {"text":"w%d 1.5 "}\n\n' % number


def fed(*numbers: int) -> Viewer:
    viewer = Viewer([])
    for number in numbers:
        viewer.data_received(frame(number))
    return viewer


def test_events_that_were_merged_or_cut_anywhere_are_counted_once() -> None:
    sent = b'data: {"text":"w7 1.5 w8 1.6 "}\n\ndata: {"text":"w9 1.7 "}\n\n'
    for size in (1, 7, len(sent)):
        lags: list[float] = []
        viewer = Viewer(lags)
        for at in range(0, len(sent), size):
            viewer.data_received(sent[at : at + size])
        assert (viewer.count, viewer.last, viewer.wrong, len(lags)) == (3, 9, 0, 2)


@pytest.mark.parametrize(
    "numbers",
    [(0, 1, 3), (0, 1, 1, 2), (0, 2, 1, 3), (0, 1, 1, 3)],
    ids=["lost", "doubled", "out of order", "one doubled and one lost"],
)
def test_what_does_not_follow_is_wrong(numbers: tuple[int, ...]) -> None:
    viewer = fed(*numbers)
    assert viewer.wrong
    with pytest.raises(RuntimeError, match="out of order"):
        check([viewer, fed(0)], [0, 0])


def test_what_one_viewer_lost_is_not_made_up_for_by_what_another_has_twice() -> None:
    with pytest.raises(RuntimeError, match="2 events"):
        check([fed(0, 1, 3), fed(0, 1, 1, 2)], [0, 0])


def test_a_viewer_that_gets_nothing_any_more_is_noticed() -> None:
    check([fed(4, 5, 6), fed(4, 5)], [1, 1])
    with pytest.raises(RuntimeError, match="1 got nothing"):
        check([fed(4, 5, 6), fed(4, 5)], [1, 2])


def test_who_is_only_late_is_waited_for() -> None:
    viewers = [fed(0, 1), fed(0)]

    async def late() -> None:
        asyncio.get_running_loop().call_later(0.01, viewers[1].data_received, frame(1))
        await all_get_more(viewers, [1, 1], 60)

    asyncio.run(late())
    check(viewers, [1, 1])


def test_a_viewer_whose_connection_is_gone_is_noticed() -> None:
    viewer = fed(0, 1)
    viewer.connection_lost(None)
    with pytest.raises(RuntimeError, match="1 viewers disconnected"):
        check([viewer], [0])
