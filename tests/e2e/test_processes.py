"""What a stream does to its process: forks are survived, and an interpreter ends in silence.

Each program here is run by an interpreter of its own, with every warning an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.corpus import STOP, body, ends, starts, text
from tests.e2e.stream_server import Play, StreamServer

SOURCES = Path(__file__).parents[2] / "src"
BEGUN = Play(body([starts(), *text(0, "Half", " a reply")[:-1]]), end="stall")

PRELUDE = """
import asyncio, logging, os, sys, threading, time
from tailrace import Anthropic, AsyncAnthropic
URL = sys.argv[1]
ASKED = dict(
    model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": "Hello"}]
)
# In debug mode asyncio says how long imports took, as of any slow step.
logging.getLogger("asyncio").addFilter(lambda record: " took " not in record.getMessage())
def tell(text):
    os.write(1, (text + "\\n").encode())  # in one piece, whichever process it comes from
def client():
    return Anthropic(base_url=URL, api_key="k", max_retries=0)
def aclient():
    return AsyncAnthropic(base_url=URL, api_key="k", max_retries=0)
"""


def run(program: str, server: StreamServer) -> tuple[int, str, str]:
    """The exit code of a program, and what it printed on its two outputs."""
    source = PRELUDE + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", source, server.url],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


# -- forks -------------------------------------------------------------------------------------

FORKED_SYNC = """
    anthropic = client()
    def say():
        with anthropic.messages.stream(**ASKED) as stream:
            return stream.get_final_text()
    tell(say())
    child = os.fork()
    tell(say())
    if child:
        assert os.waitpid(child, 0)[1] == 0
        tell(say())
"""
FORKED_ASYNC = """
    anthropic = aclient()
    async def say():
        async with anthropic.messages.stream(**ASKED) as stream:
            return await stream.get_final_text()
    tell(asyncio.run(say()))
    child = os.fork()
    tell(asyncio.run(say()))
    if child:
        assert os.waitpid(child, 0)[1] == 0
        tell(asyncio.run(say()))
"""
# The child has a copy of the parent's socket; it goes away without harm to the parent's reply.
FORKED_IN_A_STREAM = """
    anthropic = client()
    with anthropic.messages.stream(**ASKED) as stream:
        assert next(stream.text_stream) == "Half"
        child = os.fork()
        if not child:
            with anthropic.messages.stream(**ASKED) as other:
                tell(other.get_final_text())
            stream.close()
            del stream, other
            anthropic.close()
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        with anthropic.messages.stream(**ASKED) as other:
            tell(other.get_final_text())
        tell(stream.get_final_text())
"""


@pytest.mark.parametrize("program", [FORKED_SYNC, FORKED_ASYNC], ids=["sync", "async"])
def test_a_client_made_before_a_fork_works_on_both_sides(
    program: str, server: StreamServer
) -> None:
    code, printed, complaints = run(program, server)
    assert (code, complaints) == (0, "")
    assert printed.split() == ["Hello"] * 4
    assert len(server.bodies) == 4


def test_a_child_does_not_cut_its_parents_reply(server: StreamServer) -> None:
    whole = body([starts(), *text(0, "Half", " a reply"), ends(), STOP])
    first = whole.index(b" a reply") - 100
    server.play(Play(whole, sizes=(first, len(whole)), between=lambda: server.wait_for_requests(3)))
    code, printed, complaints = run(FORKED_IN_A_STREAM, server)
    assert (code, complaints) == (0, "")
    assert printed.splitlines() == ["Hello", "Hello", "Half a reply"]


# -- the end -----------------------------------------------------------------------------------

ENDINGS = {
    "a stream that is held": """
        stream = client().messages.create(stream=True, **ASKED)
        next(stream)
    """,
    "a stream that is never left": """
        stream = client().messages.stream(**ASKED).__enter__()
        next(stream.text_stream)
    """,
    "a stream in a cycle": """
        stream = client().messages.create(stream=True, **ASKED)
        held = [stream]
        held.append(held)
        next(stream)
        del stream, held
    """,
    "a generator that reads": """
        def read():
            with client().messages.stream(**ASKED) as stream:
                yield from stream.text_stream
        pieces = read()
        next(pieces)
    """,
    "a thread that waits": """
        stream = client().messages.create(stream=True, **ASKED)
        threading.Thread(target=list, args=(stream,), daemon=True).start()
        time.sleep(0.2)
    """,
    "an open client": """
        anthropic = client()
        assert anthropic.messages.count_tokens
        next(anthropic.messages.create(stream=True, **ASKED))
    """,
    "an async stream that is held": """
        async def main():
            global stream
            stream = await aclient().messages.create(stream=True, **ASKED)
            await anext(stream)
        asyncio.run(main())
    """,
    "an async stream that is never left": """
        anthropic = aclient()
        async def main():
            global stream
            stream = await anthropic.messages.stream(**ASKED).__aenter__()
            await anext(stream.text_stream)
        asyncio.run(main())
    """,
    "a task that waits": """
        anthropic = aclient()
        async def read():
            async with anthropic.messages.stream(**ASKED) as stream:
                await stream.get_final_message()
        async def main():
            global task
            task = asyncio.create_task(read())
            await asyncio.sleep(0.2)
        asyncio.run(main())
    """,
    "an async generator that reads": """
        anthropic = aclient()
        async def read():
            async with anthropic.messages.stream(**ASKED) as stream:
                async for piece in stream.text_stream:
                    yield piece
        async def main():
            global pieces
            pieces = read()
            await anext(pieces)
        asyncio.run(main())
    """,
    "a loop that is closed without care": """
        anthropic = aclient()
        async def main():
            global stream
            stream = await anthropic.messages.create(stream=True, **ASKED)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
    """,
}


@pytest.mark.parametrize("program", ENDINGS.values(), ids=ENDINGS)
def test_an_interpreter_ends_in_silence_with_a_stream_open(
    program: str, server: StreamServer
) -> None:
    server.play(BEGUN)
    assert run(program, server) == (0, "", "")
    assert server.wait_until_left()
