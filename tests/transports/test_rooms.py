"""The connections of one event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from tailrace.core.chunked import SizedBody
from tailrace.transports import rooms
from tailrace.transports.connection import AbortedError, Connection
from tailrace.transports.rooms import Room
from tailrace.transports.routes import Route

ROUTE = Route("http", "host", 80, None, None)


class Transport:
    """A transport that only remembers whether it was aborted."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_extra_info(self, name: str) -> Any:
        return None


def standing() -> Connection:
    connection = Connection(asyncio.get_running_loop())
    connection.connection_made(Transport())  # type: ignore[arg-type]
    return connection


def used(connection: Connection) -> Connection:
    """As after a whole answer."""
    connection.begin_body(SizedBody(0), b"")
    return connection


@pytest.fixture(autouse=True)
def _connects_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connected(route: Route) -> Connection:
        return standing()

    monkeypatch.setattr(rooms, "connected", connected)


def test_the_last_one_used_is_used_again() -> None:
    async def main() -> None:
        room = Room(5)
        first, second = await room.take(ROUTE, 1), await room.take(ROUTE, 1)
        assert first is not second
        room.release(ROUTE, used(first))
        room.release(ROUTE, used(second))
        assert await room.take(ROUTE, 1) is second
        assert await room.take(ROUTE, 1) is first
        assert await room.take(ROUTE._replace(port=81), 1) not in (first, second)

    asyncio.run(main())


def test_one_that_is_lost_or_was_spoken_to_is_not() -> None:
    async def main() -> None:
        room = Room(5)
        for spoil in (
            partial(Connection.connection_lost, exc=None),
            partial(Connection.data_received, data=b"what?"),
        ):
            connection = await room.take(ROUTE, 1)
            room.release(ROUTE, used(connection))
            spoil(connection)
            assert await room.take(ROUTE, 1) is not connection

    asyncio.run(main())


def test_those_who_wait_get_places_in_their_order() -> None:
    async def main() -> None:
        room, order = Room(1), list[int]()
        held = await room.take(ROUTE, 1)

        async def one(number: int) -> None:
            connection = await room.take(ROUTE, None)
            order.append(number)
            room.discard(connection)

        tasks = [asyncio.create_task(one(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        room.discard(held)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [0, 2, 3]
        await room.take(ROUTE, 0.01)

    asyncio.run(main())


def test_a_place_given_to_one_who_gives_up_is_passed_on() -> None:
    async def main() -> None:
        room = Room(1)
        held = await room.take(ROUTE, 1)
        waiting = asyncio.create_task(room.take(ROUTE, None))
        await asyncio.sleep(0)
        room.discard(held)
        waiting.cancel()  # in the very moment in which it was handed the place
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await room.take(ROUTE, 0.01)

    asyncio.run(main())


def test_closing_closes_all_and_keeps_nothing() -> None:
    async def main() -> None:
        room = Room(5)
        idle, busy = await room.take(ROUTE, 1), await room.take(ROUTE, 1)
        room.release(ROUTE, used(idle))
        await room.close()
        with pytest.raises(AbortedError):
            await room.take(ROUTE, 1)
        transports: list[Any] = [one.transport for one in (idle, busy)]
        assert all(transport.aborted for transport in transports)

    asyncio.run(main())


def test_a_connection_made_while_the_room_closed_is_closed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        room, made, go_on = Room(1), list[Connection](), asyncio.Event()

        async def connected(route: Route) -> Connection:
            await go_on.wait()
            made.append(standing())
            return made[0]

        monkeypatch.setattr(rooms, "connected", connected)
        taking = asyncio.create_task(room.take(ROUTE, None))
        await asyncio.sleep(0)
        await room.close()
        go_on.set()
        with pytest.raises(AbortedError):
            await taking
        transport: Any = made[0].transport
        assert transport.aborted

    asyncio.run(main())
