"""How a reply's events are cut short, joined and split on their way to the wire.

Each step takes pieces and gives pieces: first the cuts, which count events and bytes as the script
wrote them; then `Together`; then `Split`. What comes out are the contents of HTTP chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from tailrace.simulator import acts
from tailrace.simulator.acts import Act, Fate
from tailrace.simulator.envelope import PING
from tailrace.simulator.pieces import Piece

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_CHARACTER = re.compile(rb"[^\xc0-\xff]*[\xc0-\xff]|[^\xc0-\xff]+")


def shape(pieces: Iterable[Piece], script: Sequence[Act], rng: Random) -> Iterator[Piece]:
    """The pieces as the script wants them on the wire."""
    shaped = _stop_at_cuts(iter(pieces))
    for act in script:
        if isinstance(act, acts.Cut) and act.after_events is not None:
            shaped = after_events(shaped, act.after_events, Fate(act.how))
        elif isinstance(act, acts.Cut) and act.after_bytes is not None:
            shaped = after_bytes(shaped, act.after_bytes, Fate(act.how))
    for act in script:
        if isinstance(act, acts.Together):
            shaped = together(shaped, act.events)
    for act in script:
        if isinstance(act, acts.Split):
            shaped = split(shaped, act.sizes, rng)
    return shaped


def _stop_at_cuts(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces up to the first fate; a cut in place becomes one that needs nothing after it."""
    for piece in pieces:
        if piece.fate is Fate.HALF_CHUNK and not piece.announced:
            yield _end(piece.fate, pieces)
            return
        yield piece
        if piece.fate is not None:
            return


def after_events(pieces: Iterator[Piece], left: int, fate: Fate) -> Iterator[Piece]:
    """Cut after so many events."""
    while left:
        piece = next(pieces, None)
        if piece is None:
            return
        yield piece
        if piece.fate is not None:
            return
        left -= bool(piece.data)
    yield _end(fate, pieces)


def after_bytes(pieces: Iterator[Piece], left: int, fate: Fate) -> Iterator[Piece]:
    """Cut after so many bytes of the body.

    The half chunk is announced in the length of the event that it cuts; the other cuts send a
    whole, shorter chunk.
    """
    while left or fate is Fate.HALF_CHUNK:
        piece = next(pieces, None)
        if piece is None:
            return
        size = len(piece.data)
        if size > left:
            announced = size if fate is Fate.HALF_CHUNK else 0
            yield Piece(piece.after, piece.data[:left], fate, announced, piece.framed)
            return
        yield piece
        if piece.fate is not None:
            return
        left -= size
    yield Piece(0.0, b"", fate)


def _end(fate: Fate, rest: Iterator[Piece]) -> Piece:
    """The last piece; half a chunk needs the event that would have been next."""
    if fate is not Fate.HALF_CHUNK:
        return Piece(0.0, b"", fate)
    after = 0.0
    for piece in rest:
        after += piece.after
        if piece.data:
            return Piece(after, piece.data[: len(piece.data) // 2], fate, len(piece.data))
    return Piece(0.0, PING[: len(PING) // 2], fate, len(PING))


def together(pieces: Iterable[Piece], events: int) -> Iterator[Piece]:
    """So many events in one piece, which leaves when the last of them is due."""
    waiting: list[Piece] = []
    for piece in pieces:
        if piece.fate is not None or not piece.framed:
            yield from _joined(waiting)
            waiting = []
            yield piece
            continue
        waiting.append(piece)
        if sum(bool(one.data) for one in waiting) == events:
            yield from _joined(waiting)
            waiting = []
    yield from _joined(waiting)


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    if pieces:
        data = b"".join(piece.data for piece in pieces)
        yield Piece(sum(piece.after for piece in pieces), data)


def split(
    pieces: Iterable[Piece], sizes: int | tuple[int, int] | str, rng: Random
) -> Iterator[Piece]:
    """Each piece in several: of random sizes, at each line, or inside each character."""
    for piece in pieces:
        parts = _parts(piece.data, sizes, rng) if piece.framed and not piece.announced else []
        if len(parts) < 2:
            yield piece
            continue
        yield Piece(piece.after, parts[0])
        for part in parts[1:-1]:
            yield Piece(0.0, part)
        yield Piece(0.0, parts[-1], piece.fate)


def _parts(data: bytes, sizes: int | tuple[int, int] | str, rng: Random) -> list[bytes]:
    if isinstance(sizes, str):
        return (_LINE if sizes == "lines" else _CHARACTER).findall(data)
    least, most = (sizes, sizes) if isinstance(sizes, int) else sizes
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        size = rng.randint(least, most)
        parts.append(data[at : at + size])
        at += size
    return parts
