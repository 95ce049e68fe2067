"""However a stream is left, its connection is closed, at once and once, and nothing complains.

The server plays the beginning of a reply and then stalls, so that what ends the connection can only
be the reader. Warnings are errors in these tests, and asyncio runs in its debug mode.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.corpus import body, starts, text
from tests.e2e.readers import ASKED, saying
from tests.e2e.stream_server import Play, StreamServer

from tailrace import Anthropic, APIConnectionError, MessageStream, StreamClosedError
from tailrace.transports.over_urllib3 import DEFAULT_MAX_CONNECTIONS

BEGUN = Play(body([starts(), *text(0, "Half", " a reply")[:-1]]), end="stall")


class Stop(Exception):
    """What the body of a `with` raises here."""


@pytest.fixture(params=["urllib3", "httpx2"])
def client(request: pytest.FixtureRequest, server: StreamServer) -> Iterator[Anthropic]:
    options: dict[str, Any] = {"base_url": server.url, "api_key": "k", "max_retries": 0}
    if request.param == "urllib3":
        with Anthropic(**options) as made:
            yield made
            assert nothing_in_use(made)
    else:
        httpx2 = pytest.importorskip("httpx2")
        with httpx2.Client() as http, Anthropic(http_client=http, **options) as made:
            yield made


def nothing_in_use(client: Anthropic) -> bool:
    """Whether every connection was given up, and none of them twice."""
    pool: Any = client._shared.wire()._pool
    return not pool.leases and pool._tokens.qsize() == DEFAULT_MAX_CONNECTIONS


def first_event(stream: Any) -> None:
    assert next(stream).type == "message_start"


def read_to_the_stall(stream: MessageStream) -> str:
    return next(stream.text_stream) + next(stream.text_stream)


# -- left by the reader ------------------------------------------------------------------------


def test_a_break(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        for _ in stream.text_stream:
            break
    assert server.wait_until_left()
    assert stream.response.is_closed
    assert stream.current_message_snapshot.content[0].text == "Half"


def test_an_exception(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    stream = client.messages.stream(**ASKED).__enter__()
    read_to_the_stall(stream)
    with pytest.raises(Stop):
        fail_in(stream)
    assert server.wait_until_left()
    assert stream.current_message_snapshot.content[0].text == "Half a reply"


def test_an_exception_in_a_stream_of_wire_events(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with pytest.raises(Stop):
        fail_in(client.messages.create(stream=True, **ASKED))
    assert server.wait_until_left()


def fail_in(stream: Any) -> None:
    with stream:
        raise Stop


def test_ctrl_c_while_a_read_waits(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        read_to_the_stall(stream)
        with pytest.raises(KeyboardInterrupt):
            interrupted(server, lambda: next(stream.text_stream))
        assert server.wait_until_left()  # without leaving the `with`
    assert stream.current_message_snapshot.content[0].text == "Half a reply"


def interrupted(server: StreamServer, read: Callable[[], Any]) -> None:
    """Read, and have Ctrl-C pressed once the server has been asked."""
    main = threading.main_thread().ident
    assert main is not None

    def press() -> None:
        server.wait_for_requests()
        time.sleep(0.02)  # the reader is about to wait, or waits
        signal.pthread_kill(main, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        read()
    finally:
        presser.join()


def test_ctrl_c_while_the_answer_is_awaited(client: Anthropic, server: StreamServer) -> None:
    server.play(Play(end="silent"))
    with pytest.raises(KeyboardInterrupt):
        interrupted(server, lambda: client.messages.create(stream=True, **ASKED))
    assert server.wait_until_left()


@pytest.mark.parametrize("how", ["events", "text", "raw", "for", "manager"])
def test_the_last_reference_is_dropped(
    client: Anthropic, server: StreamServer, how: str, no_collector: None
) -> None:
    server.play(BEGUN)
    drop(client, how)
    assert server.wait_until_left()


def drop(client: Anthropic, how: str) -> None:
    """Begin to read in one of several ways, and let go of everything."""
    manager = client.messages.stream(**ASKED)
    if how == "raw":
        first_event(client.messages.create(stream=True, **ASKED))
    elif how == "for":
        for _ in client.messages.create(stream=True, **ASKED):
            break
    elif how == "text":
        pieces = manager.__enter__().text_stream
        del manager
        assert next(pieces) == "Half"
    else:
        stream = manager.__enter__()
        if how == "events":
            del manager
        first_event(stream)


def test_an_answer_nobody_parses_is_dropped(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    raw = client.messages.with_raw_response.create(stream=True, **ASKED)
    assert raw.status_code == 200
    del raw
    assert server.wait_until_left()


# -- closed ------------------------------------------------------------------------------------


def test_close_from_another_thread_ends_a_read(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        read_to_the_stall(stream)
        timer = threading.Timer(0.05, stream.close)
        timer.start()
        with pytest.raises(StreamClosedError) as caught:
            next(stream.text_stream)
        timer.join()
    assert server.wait_until_left()
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "Half a reply"


def test_closing_twice_is_closing_once(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        first_event(stream)
        stream.close()
        assert server.wait_until_left()
        stream.close()
    assert len(server.connections) == 1


def test_a_closed_client_closes_its_streams(client: Anthropic, server: StreamServer) -> None:
    if client._shared.wire().__class__.__name__ == "Httpx2Wire":
        pytest.skip("an httpx2 client is its owner's to close")
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        read_to_the_stall(stream)
        client.close()
        assert server.wait_until_left()
        with pytest.raises((StreamClosedError, APIConnectionError)):
            next(stream.text_stream)


def test_a_closed_client_can_be_used_again(client: Anthropic, server: StreamServer) -> None:
    for _ in range(2):
        assert say(client, "Hello") == "Hello"
        client.close()
        assert client.is_closed


def say(client: Anthropic, said: str) -> str:
    with client.messages.stream(**saying(said)) as stream:
        return stream.get_final_text()


# -- reused ------------------------------------------------------------------------------------


def test_a_complete_reply_leaves_its_connection_to_the_next(
    client: Anthropic, server: StreamServer
) -> None:
    assert [say(client, said) for said in ("a", "b", "c")] == ["a", "b", "c"]
    assert [connection.requests for connection in server.connections] == [3]


def test_an_incomplete_reply_does_not(client: Anthropic, server: StreamServer) -> None:
    server.play(BEGUN)
    with client.messages.stream(**ASKED) as stream:
        first_event(stream)
    assert say(client, "Hello") == "Hello"
    assert [connection.requests for connection in server.connections] == [1, 1]


def test_threads_share_a_client(client: Anthropic, server: StreamServer) -> None:
    said = [f"thread {number} says {number**5}" for number in range(40)]
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(lambda one: say(client, one), said)) == said
    assert len(server.connections) <= 20
