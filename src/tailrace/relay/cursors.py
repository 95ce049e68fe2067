"""Where a reader is, as text: the `id:` of server-sent events, `Last-Event-ID`, `?after=`.

`<epoch>-<seq>.<k>` means "after event k of the entry at (epoch, seq)", the epoch in base 36; `end`
means after everything. It comes back from browsers, so it is checked: three bounded integers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .journal import END, Offset

END_CURSOR = "end"
_SHAPE = re.compile(r"([0-9a-z]{1,13})-([0-9]{1,20})\.([0-9]{1,6})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Cursor(NamedTuple):
    """After event `k` of the entry at `at`."""

    at: Offset
    k: int


AT_END = Cursor(END, 10**6)


def format_cursor(at: Offset, k: int) -> str:
    """A cursor as text."""
    return f"{format_epoch(at.epoch)}-{at.seq}.{k}"


def parse_cursor(text: str) -> Cursor:
    """The cursor a text means. Raises `ValueError` where it means none."""
    if text == END_CURSOR:
        return AT_END
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError("a cursor has the form <epoch>-<seq>.<k>, as in the id: of an event")
    at = Offset(int(found[1], 36), int(found[2]))
    if at > END or at.seq > END.seq:
        raise ValueError("the numbers of a cursor must fit in 64 bits")
    return Cursor(at, int(found[3]))


@lru_cache(maxsize=1024)  # the entries of a log have few epochs
def format_epoch(number: int) -> str:
    """A number in base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
