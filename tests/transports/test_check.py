"""The contract's checks fail where they must: each is shown a wire with one fault."""

from __future__ import annotations

import unittest
from typing import Any

import pytest

from tailrace.procedures.wire import ConnectFailed, ConnectionLost, Incoming, WireError
from tailrace.transports import check_bodies, check_server
from tailrace.transports.check import WIRE_CHECKS, check_wire
from tailrace.transports.over_urllib3 import Urllib3Wire


class Outer:
    """An answer that is another one's, but for a fault."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.response = inner.response

    async def read(self, wait: float | None) -> bytes:
        return await self.inner.read(wait)

    async def close(self) -> None:
        await self.inner.close()

    def abort(self) -> None:
        self.inner.abort()


class HidesCuts(Outer):
    async def read(self, wait: float | None) -> bytes:
        try:
            return await super().read(wait)
        except ConnectionLost:
            return b""


class Hoards(Outer):
    async def read(self, wait: float | None) -> bytes:
        data = await super().read(wait)
        return data + await super().read(0.2) if data else data


class NeverAborts(Outer):
    def abort(self) -> None:
        pass


class GivesUpTooSoon(Outer):
    async def read(self, wait: float | None) -> bytes:
        return await super().read(None if wait is None else wait / 50)


def faulty(fault: type[Outer]) -> type[Urllib3Wire]:
    class Faulty(Urllib3Wire):
        async def open(self, *args: Any, **options: Any) -> Any:
            return fault(await super().open(*args, **options))

    return Faulty


class Blames(Urllib3Wire):
    async def open(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().open(*args, **options)
        except ConnectFailed as error:
            raise ConnectFailed(str(error), permanent=not error.permanent) from error


class NeverReuses(Urllib3Wire):
    async def open(self, *args: Any, **options: Any) -> Any:
        self._pool.close_idle()
        return await super().open(*args, **options)


class TrustsAll(Urllib3Wire):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "verify": False})


class NoProxies(Urllib3Wire):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "trust_env": False})


FAULTS = {
    "broken_ends_are_noticed": faulty(HidesCuts),
    "resets_are_noticed": faulty(HidesCuts),
    "malformed_chunks_are_noticed": faulty(HidesCuts),
    "arrives_as_sent": faulty(Hoards),
    "waits_end_in_time": faulty(GivesUpTooSoon),
    "unread_answers_close_their_connection": faulty(NeverAborts),
    "refusals_are_connect_failures": Blames,
    "whole_answers_leave_the_connection": NeverReuses,
    "certificates_are_checked": TrustsAll,
    "proxies_come_from_the_environment": NoProxies,
}


@pytest.mark.parametrize("check", FAULTS)
def test_a_faulty_wire_is_found(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_bodies, "PATIENCE", 0.5)
    with pytest.raises((AssertionError, WireError)):
        check_wire(FAULTS[check], only=[check])


def test_checks_are_chosen_by_name() -> None:
    made: list[Incoming] = []

    def make_wire(**options: Any) -> Any:
        made.append(options)  # type: ignore[arg-type]
        return Urllib3Wire(**options)

    check_wire(make_wire, only=["time_passes"])
    assert len(made) == 1
    check_wire(make_wire, only=["time_passes"], skip=["time_passes"])
    check_wire(make_wire, only=[])
    assert len(made) == 1
    with pytest.raises(KeyError, match="no wire check 'nothing'"):
        check_wire(make_wire, only=["nothing"])
    with pytest.raises(KeyError, match="no wire check 'nothing'"):
        check_wire(make_wire, only=[], skip=["nothing"])


def test_every_check_says_what_must_hold() -> None:
    for name, check in WIRE_CHECKS.items():
        assert check.__name__ == name
        assert (check.__doc__ or "").strip().endswith(".")


def test_without_openssl_certificates_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_server, "which", lambda name: None)
    with pytest.raises(unittest.SkipTest, match="openssl"):
        check_wire(Urllib3Wire, only=["certificates_are_checked"])
