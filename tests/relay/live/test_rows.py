"""The rows of the failure table in docs/relay.md that take real servers to show."""

from __future__ import annotations

import http.client
import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from tests.relay.conftest import Server

from .bed import Bed, call, check, read_events, until
from .upstream import story

COUNT = itertools.count(700)
SLOW = 30


@pytest.fixture(scope="module")
def server(redis_binary, redis_module, tmp_path_factory) -> Iterator[Server]:
    """A Redis to be killed."""
    found = Server(redis_binary, tmp_path_factory.mktemp("rows-redis"))
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def redis_bed(server: Server, tmp_path_factory) -> Iterator[Bed]:
    """Two nodes on that Redis, which forgets what ended soon."""
    with Bed(tmp_path_factory.mktemp("rows"), server.url, nodes=2, keep=4.0) as bed:
        yield bed


class Stalled:
    """A browser that asks and then reads nothing for a while."""

    def __init__(self, url: str, id: str) -> None:  # noqa: A002
        host, port = urlsplit(url).netloc.split(":")
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(40)
        self.sock.connect((host, int(port)))
        asked = f"GET /claude/v1/messages/{id} HTTP/1.1\r\nhost: x\r\n\r\n"
        self.sock.sendall(asked.encode())

    def read(self):
        """What it has when it has read all."""
        response = http.client.HTTPResponse(self.sock)
        response.begin()
        try:
            return read_events(response.read().decode())
        finally:
            response.close()
            self.sock.close()


def test_a_slow_browser_costs_no_memory_and_then_has_it_all(bed: Bed) -> None:
    number, words = next(COUNT), 200_000
    truth = story(number, words)
    node = bed.nodes[0]
    id = bed.start(f"held story {number} of {words} words at 20000", at=node.url)  # noqa: A001
    parts: list[bytes] = []

    def read_along(answer) -> None:
        while part := answer.response.read1(65536):
            parts.append(part)

    with call(f"{node.url}/claude/v1/messages/{id}") as answer, ThreadPoolExecutor(4) as pool:
        along = pool.submit(read_along, answer)
        half = 0.45 * len(truth)
        until(lambda: sum(map(len, parts)) > half, "half of it is not there")
        before = node.told()["rss"]
        slow = [Stalled(node.url, id) for _ in range(SLOW)]
        until(lambda: node.told()["viewers"] > SLOW, "they are not all there")
        bed.go(number)
        along.result(40)  # nobody waits for the slow ones
        assert read_events(b"".join(parts).decode())["text"] == truth
        grown = node.told()["rss"] - before
        owed = SLOW * len(b"".join(parts))
        assert owed > 30_000_000
        assert grown < owed / 4, f"{grown} bytes more for {owed} bytes not read"
        print(f"{SLOW} slow viewers, {owed} bytes owed, {grown} bytes more memory")
        for seen in pool.map(Stalled.read, slow):
            assert (seen["text"] == truth, seen["end"]) == (True, "done")
    assert bed.end_of(id) == "done"


def test_redis_is_away_and_comes_back(redis_bed: Bed, server: Server) -> None:
    """The viewer's connection and the generation outlast it; new ones are refused meanwhile."""
    number = next(COUNT)
    node, other = redis_bed.nodes
    id = redis_bed.start(f"held story {number} of 600 words at 600", at=node.url)  # noqa: A001
    with call(f"{other.url}/claude/v1/messages/{id}") as answer:
        first = b""
        while b"content_block_delta" not in first:
            first += answer.response.readline()
        server.kill()
        with redis_bed.post("story 1 of 1 words at 1", at=node.url) as refused:
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) >= 1
        redis_bed.go(number)
        until(lambda: redis_bed.asked()[-1].endswith("end"), "the generation did not go on")
        assert node.told()["running"] == 1
        server.start()
        rest = answer.response.read()
    check(read_events((first + rest).decode()), number, 600)
    assert redis_bed.end_of(id) == "done"


def test_a_killed_redis_comes_back_in_mid_stream(redis_bed: Bed, server: Server) -> None:
    number = next(COUNT)
    node, other = redis_bed.nodes
    id = redis_bed.start(f"held story {number} of 900 words at 600", at=node.url)  # noqa: A001
    with ThreadPoolExecutor(4) as pool:
        urls = [f"{one.url}/claude/v1/messages/{id}" for one in (node, other)]
        answers = [call(url) for url in urls * 2]
        reading = [pool.submit(one.response.read) for one in answers]
        for _ in range(3):
            server.kill()
            server.start()
        redis_bed.go(number)
        for one in reading:
            check(read_events(one.result(40).decode()), number, 900)
    for answer in answers:
        answer.__exit__()


def test_what_is_past_its_time_is_gone(redis_bed: Bed) -> None:
    id = redis_bed.start("story 1 of 9 words at 900")  # noqa: A001
    url = f"{redis_bed.url}/claude/v1/messages/{id}"
    assert redis_bed.end_of(id) == "done"

    def status() -> int:
        with call(url) as answer:
            answer.response.read()
            return answer.status

    assert until(lambda: status() != 200 and status(), "it is kept for ever") == 410


def test_a_foreign_id_is_not_there_and_creates_nothing(redis_bed: Bed, server: Server) -> None:
    import redis

    id = redis_bed.start("story 2 of 9 words at 900")  # noqa: A001
    with redis.Redis.from_url(server.url) as client:
        until(lambda: redis_bed.nodes[0].told()["running"] == 0, "it goes on")
        keys = set(client.keys())
        for foreign in (id[:-1] + ("a" if id[-1] != "a" else "b"), "x", "0" * len(id), id):
            for method in ("GET", "DELETE"):
                url = f"{redis_bed.url}/claude/v1/messages/{foreign}"
                with call(url, method, x_user="eve") as answer:
                    assert answer.status == 404, foreign
        assert set(client.keys()) <= keys, "a key was made"
