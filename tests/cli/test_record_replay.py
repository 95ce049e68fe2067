"""A recording made through the proxy plays back as it was: bytes, chunks, heads, ends, times."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from tests.cli.test_serve_simulator import served, serving
from tests.simulator.conftest import Wire, encode_request, says

SCENARIO = """
seed = 5
pace = { tokens_per_second = 150, jitter = 0.9 }

[[case]]
when = { user = "whole" }
reply = [{ text = "Grüße aus der Mühle: 水は流れる." }, { split = "characters" }]

[[case]]
when = { user = "torn" }
reply = [{ text = "One two three." }, { hex = "ff0d00" }, { wait = 0.1 }, { ping = 2 },
         { garbage = 40 }, { comment = "still here" }, { together = 3 }]

[[case]]
when = { user = "half" }
reply = [{ text = "Half of" }, { cut = "half_chunk", after_bytes = 612 }]

[[case]]
when = { user = "reset" }
reply = [{ ping = 3, every = 0.05 }, { cut = "reset" }]

[[case]]
when = { user = "closed" }
reply = [{ thinking = "Hm." }, { cut = "close" }]

[[case]]
when = { user = "refused" }
reply = [{ status = 429, headers = { retry-after = "7", x-odd = "yes" } }]

[[case]]
when = { user = "slow" }
reply = [{ slow_headers = 0.1 }, { tool = "look", input = { a = [1, 2] }, fragment = 3 }]
"""
QUESTIONS = ("whole", "torn", "half", "reset", "closed", "refused", "slow")
OWN = ("date", "connection", "keep-alive")  # what every HTTP server says for itself


class Seen(NamedTuple):
    """What came back: the same in the recording and in its replay, but for the `times`."""

    status: int
    headers: dict[str, str]
    chunks: list[bytes]
    announced: int
    ended: str
    times: list[float]


class Timed(Wire):
    """A wire that notes when it got how many bytes, in seconds from when it asked."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        assert at.hostname
        assert at.port
        self.socket = socket.create_connection((at.hostname, at.port), timeout=20)
        self.buffer = bytearray()
        self.ended = ""
        self.arrivals: list[float] = []

    def ask(self, question: str) -> Seen:
        began = time.monotonic()
        self.socket.sendall(encode_request(says(question), connection="close"))
        self.arrivals = []
        head = self.line(b"\r\n\r\n")
        assert head
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        times = [time.monotonic() - began]
        chunks: list[bytes] = []
        announced = int(headers.get("content-length", 0))
        if headers.get("transfer-encoding") != "chunked":
            chunks = [self.take(announced)]
        else:
            while (line := self.line()) is not None:
                announced = int(line, 16)
                chunks.append(self.take(announced))
                times.append(time.monotonic() - began)
                if len(self.take(2)) < 2 or not announced:
                    break
        while not self.ended and self.more():
            pass
        kept = {name: value for name, value in headers.items() if name not in OWN}
        return Seen(int(first.split()[1]), kept, chunks, announced, self.ended, times)


def asked(url: str) -> list[Seen]:
    seen = []
    for question in QUESTIONS:
        wire = Timed(url)
        seen.append(wire.ask(question))
        wire.close()
    return seen


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Seen], list[Seen]]:
    folder = tmp_path_factory.mktemp("recorded")
    scenario = folder / "odd.toml"
    scenario.write_text(SCENARIO)
    tapes = folder / "tapes"
    with (
        served("--scenario", str(scenario)) as (upstream, _),
        serving("record", "--to", str(tapes), "--upstream", upstream, "--port", "0") as (url, _),
    ):
        recorded = asked(url)
    with serving("replay", str(tapes), "--port", "0") as (url, printed):
        replayed = asked(url)
    assert printed[-1] == f"{len(QUESTIONS)} of {len(QUESTIONS)} tapes played.\n"
    return recorded, replayed


@pytest.mark.parametrize("at", range(len(QUESTIONS)), ids=QUESTIONS)
def test_byte_for_byte_and_chunk_for_chunk(both: tuple[list[Seen], list[Seen]], at: int) -> None:
    recorded, replayed = both[0][at], both[1][at]
    written = {**recorded.headers, "anthropic-organization-id": "[redacted]"}
    assert replayed._replace(times=[]) == recorded._replace(times=[], headers=written)
    assert recorded.chunks


def test_the_recordings_hold_what_was_meant_to_be_hard(
    both: tuple[list[Seen], list[Seen]],
) -> None:
    seen = dict(zip(QUESTIONS, both[0], strict=True))
    assert any(chunk[-1] & 0x80 for chunk in seen["whole"].chunks if chunk), "a cut character"
    assert b"\xff\r\x00" in b"".join(seen["torn"].chunks)
    assert len(seen["half"].chunks[-1]) < seen["half"].announced
    assert (seen["reset"].ended, seen["closed"].ended) == ("reset", "eof")
    assert (seen["refused"].status, seen["refused"].headers["x-odd"]) == (429, "yes")


@pytest.mark.parametrize("at", range(len(QUESTIONS)), ids=QUESTIONS)
def test_nothing_comes_before_its_time(both: tuple[list[Seen], list[Seen]], at: int) -> None:
    """How close it is to it depends on the machine: 1 ms in the median on an idle one."""
    recorded, replayed = both[0][at].times, both[1][at].times
    assert len(replayed) == len(recorded)
    lasted = recorded[-1] - recorded[0]
    assert replayed[-1] - replayed[0] > lasted * 0.9 - 0.05
