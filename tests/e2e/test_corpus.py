"""Every recorded stream, over real sockets, through every HTTP client: whole, cut up, and cut off.

The truth about a recording is found with nothing but `json` (`truth`). A reply is complete if its
`message_stop` was sent, or a `stop_reason` before a proper end of the body; every other end must
raise, with what had arrived.

What is chosen at random (chunk sizes, places to cut, ways to end) comes from a seed made of the
recording's name, so a failure repeats. Both default clients meet every cut between two events (a
sample of them in the three recordings that have over 500), and each way to end anywhere in each
recording; the other clients meet a sample of the recordings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple

import pytest
from tests.corpus import Recording
from tests.e2e import truth
from tests.e2e.readers import DEFAULTS, NAMES, OTHERS, Outcome, Reader, parameters, reader
from tests.e2e.stream_server import End, Play, StreamServer

from tailrace import APIConnectionError, StreamProtocolError, StreamTruncatedError

MOST_CHUNKS = 50
"""About how many chunks a recording is cut into, unless its chunks are to be tiny."""
MOST_CUTS = 250
"""In how many places, between two events, a recording of over twice as many events is cut."""
SAMPLE = 8
"""One recording in so many is cut for the other clients."""

ENDS: tuple[End, ...] = ("end", "close", "half_chunk", "reset", "unframed")
PROPER: tuple[End, ...] = ("end", "unframed")

true = cache(truth.read)


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture(scope="module", params=parameters(NAMES))
def client(request: pytest.FixtureRequest, server: StreamServer) -> Iterator[Reader]:
    with reader(request.param, server) as one:
        yield one


@pytest.fixture(scope="module", params=parameters(DEFAULTS))
def default(request: pytest.FixtureRequest, server: StreamServer) -> Iterator[Reader]:
    with reader(request.param, server) as one:
        yield one


@pytest.fixture(scope="module", params=parameters(OTHERS))
def other(request: pytest.FixtureRequest, server: StreamServer) -> Iterator[Reader]:
    with reader(request.param, server) as one:
        yield one


class Cut(NamedTuple):
    """A recording that is cut off after so many bytes, and how its body ends then."""

    recording: Recording
    at: int
    end: End

    @property
    def play(self) -> Play:
        return Play(self.recording.body[: self.at], end=self.end)

    def events(self) -> int:
        return true(self.recording.body).whole_events(self.at)

    def is_complete(self) -> bool:
        told = true(self.recording.body)
        return (told.finished if self.end in PROPER else told.stopped)[self.events()]

    def __str__(self) -> str:
        return f"{self.recording.name} after {self.at} bytes, {self.end}"


# -- whole -------------------------------------------------------------------------------------


def test_every_wire_event_arrives_whatever_the_chunks(
    corpus: tuple[Recording, ...], client: Reader
) -> None:
    outcomes = client.read([in_pieces(one, "raw") for one in corpus], "raw")
    for recording, outcome in zip(corpus, outcomes, strict=True):
        assert as_json(outcome.items) == true(recording.body).events, recording.name


def test_the_final_message_is_what_was_sent_whatever_the_chunks(
    corpus: tuple[Recording, ...], client: Reader
) -> None:
    for start, how in enumerate(("events", "text")):
        recordings = corpus[start::2]
        outcomes = client.read([in_pieces(one, how) for one in recordings], how)
        for recording, outcome in zip(recordings, outcomes, strict=True):
            told = true(recording.body)
            if told.spliced:
                assert isinstance(outcome.error, StreamProtocolError), recording.name
                continue
            assert outcome.error is None, recording.name
            sent_back = as_json(outcome.message.to_param())
            assert sent_back == {"role": "assistant", "content": told.blocks}, recording.name
            pieces = outcome.items if how == "text" else texts(outcome.items)
            assert "".join(pieces) == told.text, recording.name


def test_derived_events_and_the_rest_of_the_message_do_not_depend_on_the_chunks(
    corpus: tuple[Recording, ...], default: Reader
) -> None:
    recordings = [one for one in corpus[::3] if len(one.body) < 20_000]
    recordings = [one for one in recordings if not true(one.body).spliced]
    whole = default.read([Play(one.body) for one in recordings], "events")
    cut_up = default.read([in_pieces(one, "again") for one in recordings], "events")
    for recording, one, other in zip(recordings, whole, cut_up, strict=True):
        assert one.error is other.error is None, recording.name
        assert [item.to_dict() for item in one.items] == [item.to_dict() for item in other.items]
        assert one.message.to_dict() == other.message.to_dict(), recording.name


# -- cut off -----------------------------------------------------------------------------------


def test_no_cut_between_two_events_is_silent(recording: Recording, default: Reader) -> None:
    ends = true(recording.body).ends
    if len(ends) > 2 * MOST_CUTS:
        ends = Random(recording.name + default.name).sample(ends, MOST_CUTS)
    cuts = [Cut(recording, at, "end") for at in ends]
    for cut, outcome in zip(cuts, default.read([cut.play for cut in cuts], "text"), strict=True):
        check(cut, outcome)


def test_no_cut_anywhere_is_silent(corpus: tuple[Recording, ...], default: Reader) -> None:
    cuts = [cut for one in corpus for cut in anywhere(one, default.name)]
    for cut, outcome in zip(cuts, default.read([cut.play for cut in cuts], "events"), strict=True):
        check(cut, outcome)


def test_no_cut_is_silent_through_a_client_of_your_own(
    corpus: tuple[Recording, ...], other: Reader
) -> None:
    few = Random(other.name).sample(corpus, len(corpus) // SAMPLE)
    cuts = [cut for one in few for cut in anywhere(one, other.name)]
    cuts += [Cut(few[0], at, end) for at in true(few[0].body).ends for end in ENDS]
    for cut, outcome in zip(cuts, other.read([cut.play for cut in cuts], "events"), strict=True):
        check(cut, outcome)


def check(cut: Cut, outcome: Outcome) -> None:
    """A complete reply is given, and nothing else is."""
    error = outcome.error
    told = true(cut.recording.body)
    if cut.is_complete():
        assert error is None, cut
        assert as_json(outcome.message.to_param())["content"] == told.blocks, cut
        return
    assert isinstance(error, StreamTruncatedError | StreamProtocolError), (str(cut), error)
    assert isinstance(error, APIConnectionError)
    arrived = "" if error.partial is None else "".join(text_of(error.partial))
    assert arrived == told.text[: told.texts[cut.events()]], cut


# -- helpers -----------------------------------------------------------------------------------


def in_pieces(recording: Recording, salt: str) -> Play:
    """The whole recording, in chunks of random sizes."""
    random = Random(recording.name + salt)
    size = len(recording.body)
    most = max(300, 2 * size // MOST_CHUNKS)
    if size < 2000:
        most = random.choice((1, 3, 20, most))
    return Play(recording.body, sizes=[random.randint(1, most) for _ in range(97)])


def anywhere(recording: Recording, salt: str) -> Iterator[Cut]:
    """Cuts at random bytes, one for each way to end."""
    random = Random(recording.name + salt)
    for end in ENDS:
        yield Cut(recording, random.randrange(len(recording.body) + 1), end)


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def texts(events: list[Any]) -> list[str]:
    return [event.text for event in events if event.type == "text"]


def text_of(message: Any) -> list[str]:
    return [block.text for block in message.content if block.type == "text"]
