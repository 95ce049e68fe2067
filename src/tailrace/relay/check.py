"""The contract every journal keeps, to be run against one's own.

    async def test_my_journal() -> None:
        await check_journal(lambda: MyJournal("somewhere"))

`make_journal` is called several times and must open the *same* store each time, as several
processes would: what one of them writes the others must see. Keys are fresh in every run.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from .journal import BEFORE_END, END, NOWHERE, Entry, Journal, Offset

_KEEP = 60.0
_SOON = 5.0
"""How long a hint may take here, in seconds. Followers poll, so that later ones only cost time."""


async def check_journal(make_journal: Callable[[], Journal]) -> None:
    """Run every check; raises `AssertionError` with what does not hold."""
    one, other = make_journal(), make_journal()
    try:
        for check in CHECKS:
            await check(one, other, f"check{secrets.token_hex(8)}")
    finally:
        await one.close()
        if other is not one:
            await other.close()


async def absent_logs_stay_absent(one: Journal, other: Journal, key: str) -> None:
    """Reading, watching, expiring, dropping and closing what is not there create nothing."""
    assert await one.read(key, None) == []
    async with one.watch(key):
        pass
    await one.expire(key, _KEEP)
    await one.drop(key)
    assert not await one.leased(key)
    closed = await one.append(key, NOWHERE, END, b"end", keep=_KEEP)
    assert closed is None, f"an append after an offset nothing has must store nothing: {closed}"
    assert await other.read(key, None) == []


async def one_creation_wins(one: Journal, other: Journal, key: str) -> None:
    """Of many creations of one log exactly one is stored, and all learn which."""
    places = [Offset(100 + n, 0) for n in range(20)]
    tries = [
        (one, other)[n % 2].append(key, None, at, b"%d" % n, keep=_KEEP)
        for n, at in enumerate(places)
    ]
    answers = await asyncio.gather(*tries)
    assert len(set(answers)) == 1, f"the creators disagree about who won: {set(answers)}"
    (entry,) = await other.read(key, None)
    assert entry == Entry(places[int(entry.data)], entry.data)
    assert answers[0] == entry.at


async def appends_are_ordered_and_repeatable(one: Journal, other: Journal, key: str) -> None:
    """An append that is repeated changes nothing; one out of order is refused."""
    first, second, third = Offset(7, 0), Offset(7, 1), Offset(9, 0)
    assert await one.append(key, None, first, b"a", keep=_KEEP) == first
    assert await other.append(key, None, first, b"a", keep=_KEEP) == first
    assert await one.append(key, first, second, b"b", keep=_KEEP) == second
    assert await other.append(key, first, second, b"b", keep=_KEEP) == second
    assert await other.append(key, first, third, b"stale", keep=_KEEP) == second
    assert await other.append(key, second, third, b"c", keep=_KEEP) == third
    stored = [Entry(first, b"a"), Entry(second, b"b"), Entry(third, b"c")]
    assert await one.read(key, None) == stored
    assert await one.read(key, first) == stored[1:]
    assert await one.read(key, Offset(8, 5)) == stored[2:]
    assert await one.read(key, None, limit=2) == stored[:2]
    assert await one.read(key, third) == []
    assert await one.read(key, END) == []


async def impossible_appends_are_refused(one: Journal, other: Journal, key: str) -> None:
    """An entry cannot be stored before the one it follows."""
    del other
    for after, at in ((Offset(5, 5), Offset(5, 5)), (Offset(5, 5), Offset(5, 4)), (None, NOWHERE)):
        try:
            await one.append(key, after, at, b"", keep=_KEEP)
        except ValueError:
            continue
        raise AssertionError(f"an append at {at} after {after} must raise ValueError")


async def a_paused_writer_is_fenced(one: Journal, other: Journal, key: str) -> None:
    """After a takeover the former writer cannot append, and is told by whom it was overtaken."""
    claim, written, takeover = Offset(7, 0), Offset(7, 1), Offset(8, 0)
    await one.append(key, None, claim, b"claim", keep=_KEEP)
    await one.append(key, claim, written, b"text", keep=_KEEP)
    assert await other.append(key, written, takeover, b"claim", keep=_KEEP) == takeover
    assert await one.append(key, written, Offset(7, 2), b"late", keep=_KEEP) == takeover
    assert [entry.data for entry in await one.read(key, None)] == [b"claim", b"text", b"claim"]


async def the_end_is_final(one: Journal, other: Journal, key: str) -> None:
    """Of many who close a log one wins; nothing follows, and the end alone can be read."""
    claim = Offset(7, 0)
    await one.append(key, None, claim, b"claim", keep=_KEEP)
    assert await one.read(key, BEFORE_END) == []
    tries = [(one, other)[n % 2].append(key, claim, END, b"%d" % n, keep=_KEEP) for n in range(20)]
    assert set(await asyncio.gather(*tries)) == {END}
    ends = await one.read(key, BEFORE_END)
    assert [entry.at for entry in ends] == [END]
    assert await other.read(key, BEFORE_END) == ends
    assert await one.append(key, claim, Offset(7, 1), b"late", keep=_KEEP) == END
    assert await one.append(key, None, Offset(9, 0), b"again", keep=_KEEP) == END
    assert len(await one.read(key, None)) == 2


async def any_bytes_come_back(one: Journal, other: Journal, key: str) -> None:
    """Entries are bytes: none, zeroes, line endings, a large one."""
    contents = [b"", b"\0\r\n\xff", bytes(range(256)) * 1024]
    last: Offset | None = None
    for n, data in enumerate(contents):
        at = Offset(2**64 - 2, n)
        assert await one.append(key, last, at, data, keep=_KEEP) == at
        last = at
    assert [entry.data for entry in await other.read(key, None)] == contents


async def watchers_are_woken(one: Journal, other: Journal, key: str) -> None:
    """A hint comes soon, from one's own writes and from others'."""
    last: Offset | None = None
    for n, writer in enumerate((one, other)):
        async with one.watch(key) as hint, one.watch(key) as second:
            await asyncio.sleep(0.1)  # subscriptions may take a moment; hints before that are lost
            hint.clear()
            second.clear()
            at = Offset(7, n)
            await writer.append(key, last, at, b"", keep=_KEEP)
            last = at
            async with asyncio.timeout(_SOON):
                await hint.wait()
                await second.wait()


async def leases_end(one: Journal, other: Journal, key: str) -> None:
    """A lease is seen by others, can be taken with an entry, given back, and ends by itself."""
    await one.append(key, None, Offset(7, 0), b"", keep=_KEEP, lease=_KEEP)
    assert await other.leased(key)
    await one.lease(key, 0)
    assert not await other.leased(key)
    refused = await one.append(key, None, Offset(8, 0), b"", keep=_KEEP, lease=_KEEP)
    assert refused == Offset(7, 0)
    assert not await other.leased(key), "an append that was refused must not take a lease"
    await one.lease(key, 0.05)
    await _until_gone(lambda: other.leased(key))


async def logs_end(one: Journal, other: Journal, key: str) -> None:
    """A log is gone after its time, which every append and `expire` set anew, and when dropped."""
    first, second = Offset(7, 0), Offset(7, 1)
    await one.append(key, None, first, b"a", keep=0.5)
    await one.append(key, first, second, b"b", keep=_KEEP)
    await asyncio.sleep(0.6)
    assert len(await other.read(key, None)) == 2, "an append renews the time of its whole log"
    await one.expire(key, 0.05)
    await _until_gone(lambda: other.read(key, None))
    assert await one.append(key, second, Offset(7, 2), b"", keep=_KEEP) is None
    assert await other.append(key, None, Offset(8, 0), b"new", keep=_KEEP) == Offset(8, 0)
    assert await one.read(key, None) == [Entry(Offset(8, 0), b"new")]
    await one.drop(key)
    assert await other.read(key, None) == []


async def _until_gone(ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(_SOON):
        while await ask():  # noqa: ASYNC110 - the store's own clock is what is waited for
            await asyncio.sleep(0.02)


CHECKS: tuple[Callable[[Journal, Journal, str], Awaitable[None]], ...] = (
    absent_logs_stay_absent,
    one_creation_wins,
    appends_are_ordered_and_repeatable,
    impossible_appends_are_refused,
    a_paused_writer_is_fenced,
    the_end_is_final,
    any_bytes_come_back,
    watchers_are_woken,
    leases_end,
    logs_end,
)
"""The checks, in the order `check_journal` runs them; each takes two journals and a fresh key."""
