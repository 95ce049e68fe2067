"""The currency of the simulator: bytes that leave after a time, and how it all ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tailrace.simulator.acts import Fate


class Piece(NamedTuple):
    """Bytes that leave `after` so many seconds from the piece before.

    `fate` is set on the last piece of a body and says how it ends. `announced` is the length that
    the HTTP chunk claims where it is not the length of `data` (the half chunk). `framed=False`
    bytes get no HTTP chunk around them.
    """

    after: float
    data: bytes
    fate: Fate | None = None
    announced: int = 0
    framed: bool = True


@dataclass(frozen=True)
class Response:
    """A response: its head, and a body that is made while it is sent.

    `head_after` is the seconds before the first byte; `head_drip` spreads the head's bytes over
    them instead. A body of known `length` (bytes) is sent as it is, any other in HTTP chunks.
    The body's last piece has a fate; one that just stops ends well. A status of 0 is a response
    without a head: its fate alone is carried out.
    """

    status: int
    headers: Mapping[str, str]
    body: Iterable[Piece] = ()
    length: int | None = None
    head_after: float = 0.0
    head_drip: bool = False


class UnderWay(Protocol):
    """A reply that is being sent."""

    @property
    def held(self) -> bool:
        """Whether it was told to wait."""
        ...

    def hold(self) -> None:
        """Send nothing until `go_on`."""
        ...

    def go_on(self) -> None:
        """Send what is due."""
        ...

    def cut(self, fate: Fate) -> None:
        """End it here."""
        ...


def until_fate(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces up to and with the first that has a fate; `END` is added where none has."""
    for piece in pieces:
        yield piece
        if piece.fate is not None:
            return
    yield Piece(0.0, b"", Fate.END)
