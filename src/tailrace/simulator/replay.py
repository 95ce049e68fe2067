"""Tapes as answers: which recorded exchange a request gets, and why none fits.

How a request is matched:

- `strict`: method, path, version, betas and body are those recorded.
- `loose`: method, path and whether a stream is asked for; of those the one that differs least.
- `order`: the next one, whatever is asked.

Tapes are played in their order, each once as long as an unplayed one fits; then again. Bodies are
compared as JSON, after the same redaction as the tape's. Pure, but for `load_tapes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from tailrace.simulator import redact
from tailrace.simulator.foreign import load_foreign
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.loose import a_dict, a_list
from tailrace.simulator.tape import Tape, load

How = Literal["strict", "loose", "order"]

_FOREIGN = (".har", ".json", ".yaml", ".yml")
_COMPARED_HEADERS = ("anthropic-version", "anthropic-beta")


@dataclass(frozen=True)
class Difference:
    """Where a request is not as recorded: the path of the value, and both values.

    The values are not in its `repr` nor its text: they may be prompts.
    """

    where: str
    recorded: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.where}: {_size(self.asked)} instead of {_size(self.recorded)}"

    __repr__ = __str__


@dataclass(frozen=True)
class Mismatch:
    """A request no tape fits, and how it differs from the closest."""

    method: str
    path: str
    closest: str | None
    differences: Sequence[Difference]

    def __str__(self) -> str:
        if self.closest is None:
            return f"no tape has {self.method} {self.path}"
        told = "; ".join(str(one) for one in self.differences[:5])
        more = len(self.differences) - 5
        return (
            f"no tape fits this {self.method} {self.path}; the closest is {self.closest}, but "
            f"{told}{f'; and {more} more' if more > 0 else ''}"
        )


class Replay:
    """Answers from tapes. `speed` 2 is twice as fast, infinity waits for nothing."""

    def __init__(self, tapes: Sequence[Tape], *, match: How = "strict", speed: float = 1.0) -> None:
        if match not in ("strict", "loose", "order"):
            raise ValueError(f"match must be 'strict', 'loose' or 'order', not {match!r}")
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        if not tapes:
            raise ValueError("there are no tapes to replay")
        self._tapes = list(tapes)
        self._played = [0] * len(tapes)
        self._match: How = match
        self.speed = speed
        self.mismatches: list[Mismatch] = []

    @property
    def unplayed(self) -> list[Tape]:
        """The tapes no request has got yet."""
        return [tape for tape, times in zip(self._tapes, self._played, strict=True) if not times]

    def next(self, request: HttpRequest) -> Tape | Mismatch:
        """The tape for a request; or the report, which is kept too, that there is none."""
        fitting = list(self._fitting(request))
        if not fitting:
            mismatch = self._report(request)
            self.mismatches.append(mismatch)
            return mismatch
        fewest = min(self._played[at] for at, _ in fitting)
        rested = [one for one in fitting if self._played[one[0]] == fewest]
        at = min(rested, key=lambda one: one[1])[0]
        self._played[at] += 1
        return self._tapes[at]

    def _fitting(self, request: HttpRequest) -> Iterator[tuple[int, int]]:
        """The numbers of the tapes that fit, and how much each differs."""
        for at, tape in enumerate(self._tapes):
            if self._match == "order":
                yield at, 0
            elif self._match == "strict":
                if not differences(tape, request):
                    yield at, 0
            elif _kind(tape.method, tape.path, tape.json) == _asked_kind(request):
                yield at, len(differences(tape, request))

    def _report(self, request: HttpRequest) -> Mismatch:
        path = request.target
        told = [
            (tape, differences(tape, request))
            for tape in self._tapes
            if (tape.method, tape.path) == (request.method, path)
        ]
        if not told:
            return Mismatch(request.method, path, None, ())
        tape, differing = min(told, key=lambda one: len(one[1]))
        return Mismatch(request.method, path, tape.name, differing)


def load_tapes(folder: str | Path) -> list[Tape]:
    """The tapes of a folder's files, by name, or of one file.

    Besides `.tape` files these may be vcrpy's cassettes (`.yaml`, `.yml`, `.json`) and `.har`
    files.
    Raises `FileNotFoundError` when there are none, `TapeError` for one that cannot be read.
    """
    place = Path(folder)
    paths = sorted(place.iterdir()) if place.is_dir() else [place] * place.is_file()
    found = [path for path in paths if path.suffix in (".tape", *_FOREIGN)]
    if not found:
        raise FileNotFoundError(f"there are no tapes in {folder}")
    return [tape for path in found for tape in _tapes(path)]


def _tapes(path: Path) -> list[Tape]:
    text = path.read_text(encoding="utf-8")
    return load_foreign(text, path.name) if path.suffix in _FOREIGN else [load(text, path.name)]


def differences(tape: Tape, request: HttpRequest) -> list[Difference]:
    """Everything in which a request is not the recorded one."""
    found: list[Difference] = []
    if (tape.method, tape.path) != (request.method, request.target):
        found.append(Difference("request", f"{tape.method} {tape.path}", request.target))
    recorded = dict(tape.request_headers)
    for name in _COMPARED_HEADERS:
        if recorded.get(name, "") != request.headers.get(name, ""):
            found.append(Difference(name, recorded.get(name), request.headers.get(name)))
    known = redact.credentials(request.headers)
    asked = _json(redact.secrets(request.body, known))
    found += _compare("body", tape.json, redact.mask_request(asked) if tape.masked else asked)
    return found


def _compare(where: str, recorded: Any, asked: Any) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        old, new = a_dict(recorded), a_dict(asked)
        for key in {**old, **new}:
            yield from _compare(f"{where}.{key}", old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif isinstance(recorded, list) and isinstance(asked, list):
        before, after = a_list(recorded), a_list(asked)
        if len(before) != len(after):
            yield Difference(where, before, after)
        for at, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _compare(f"{where}[{at}]", one, other)
    elif not _same(recorded, asked):
        yield Difference(where, recorded, asked)


def _same(one: Any, other: Any) -> bool:
    """Equality in which `true` is not 1."""
    return type(one) is type(other) and bool(one == other)


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _size(value: Any) -> str:
    """What a value is, without what it says."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(a_list(value))}"
    if isinstance(value, dict):
        return f"an object of {len(a_dict(value))} fields"
    return "nothing" if value is None else repr(value)


def _kind(method: str, path: str, body: Any) -> tuple[str, str, bool]:
    return method, path.partition("?")[0], bool(a_dict(body).get("stream"))


def _asked_kind(request: HttpRequest) -> tuple[str, str, bool]:
    return _kind(request.method, request.path, _json(request.body))


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
