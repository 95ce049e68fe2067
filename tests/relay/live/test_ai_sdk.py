"""The AI SDK's own `useChat` in a real browser, on the relay's chat routes."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from tests.parts import node_packages

from .bed import HERE, Bed, until
from .upstream import story

COUNT = itertools.count(300)


@pytest.fixture(scope="module")
def chats(bed: Bed) -> Bed:
    """The bed with the React page, bundled."""
    folder = node_packages("ai", "@ai-sdk/react", "react", "react-dom", "esbuild")
    command = [
        *("node", "node_modules/esbuild/bin/esbuild", str(HERE / "pages" / "chat.jsx"), "--bundle"),
        *("--format=esm", "--external:/claude/relay.js", f"--outfile={bed.pages / 'chat.js'}"),
        *("--define:process.env.NODE_ENV='production'", "--log-level=error"),
    ]
    environ = {"NODE_PATH": str(folder / "node_modules"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=60)
    shutil.copy(HERE / "pages" / "chat.html", bed.pages)
    return bed


class Chat:
    """One chat in one window."""

    def __init__(self, bed: Bed, context, *, heal: bool = False) -> None:
        self.number = next(COUNT)
        self.url = f"{bed.url}/pages/chat.html?chat=c{self.number}" + ("&heal" if heal else "")
        self.page = context.new_page()
        self.open()

    def open(self) -> None:
        self.page.goto(self.url)
        self.page.wait_for_function("window.chat?.status === 'ready' || window.said?.length > 0")

    def send(self, said: str) -> None:
        self.page.evaluate("(text) => void chat.sendMessage({ text })", said)

    def wait(self, condition: str) -> None:
        self.page.wait_for_function(condition, timeout=40_000)

    def done(self):
        """Its finish, when there is one."""
        self.wait("window.finishes.length > 0 && chat.status !== 'streaming'")
        return self.page.evaluate("finishes[0]")

    def said(self) -> str:
        return self.page.evaluate("said")

    def errors(self) -> list[str]:
        return self.page.evaluate("errors")


def test_it_streams_and_resumes_after_reloads(chats: Bed, browse) -> None:
    chat = Chat(chats, browse)
    chat.send(f"held story {chat.number} of 600 words at 300")
    for _ in range(2):
        chat.wait("said.length > 100 && chat.status === 'streaming'")
        chat.open()
    chat.wait("said.length > 100 && chat.status === 'streaming'")
    chats.go(chat.number)
    assert chat.done()["finishReason"] == "stop"
    assert chat.said() == story(chat.number, 600)
    assert chat.errors() == []


def test_a_node_dies_and_nobody_notices(chats: Bed, browse) -> None:
    producer, viewed, _ = chats.nodes
    pin(browse, chats, producer.name)
    chat = Chat(chats, browse, heal=True)
    chat.send(f"held story {chat.number} of 600 words at 300")
    chat.wait("said.length > 100 && chat.status === 'streaming'")
    pin(browse, chats, viewed.name)
    chat.open()
    chat.wait("said.length > 100 && chat.status === 'streaming'")
    assert producer.told()["running"] == viewed.told()["viewers"] == 1
    viewed.kill()
    chats.go(chat.number)
    assert chat.done()["finishReason"] == "stop"
    assert chat.said() == story(chat.number, 600)
    assert chat.errors() == []


def pin(context, bed: Bed, node: str) -> None:
    context.add_cookies([{"name": "node", "value": node, "url": bed.url}])


def test_stop_ends_it_for_good(chats: Bed, browse) -> None:
    chat = Chat(chats, browse)
    before = len(chats.asked())
    chat.send(f"held story {chat.number} of 600 words at 300")
    chat.wait("said.length > 100 && chat.status === 'streaming'")
    chat.page.evaluate("stop()")
    chats.go(chat.number)
    chat.done()
    assert story(chat.number, 600).startswith(chat.said())
    ended = until(lambda: chats.asked()[before + 1 :], "the upstream was not left")
    assert ended[0].endswith("client left")
    chat.open()  # what is there is replayed as it ended, not as if it went on
    chat.wait("finishes.length > 0")
    assert chat.page.evaluate("finishes[0].finishReason ?? null") is None, "it is not complete"
    assert story(chat.number, 600).startswith(chat.said())


def test_every_kind_of_part_passes_its_schema(chats: Bed, browse) -> None:
    chat = Chat(chats, browse)
    chat.send("tools")
    assert chat.done()["finishReason"] == "tool-calls"
    assert chat.errors() == []
    parts = {part["type"]: part for part in chat.page.evaluate("parts")}
    assert parts["reasoning"]["text"] == "Let me see."
    assert parts["reasoning"]["state"] == parts["text"]["state"] == "done"
    assert parts["text"]["text"] == "It is "
    assert parts["source-url"]["url"] == "https://example.com/page"
    assert parts["tool-get_weather"]["input"] == {"city": "Zürich", "days": [1, 2]}
    assert parts["tool-get_weather"]["state"] == "input-available"
    assert parts["tool-web_search"]["state"] == "output-available"
    assert parts["tool-web_search"]["providerExecuted"] is True


@pytest.mark.parametrize(("said", "text"), [("break", "Half of "), ("refuse", "")])
def test_a_failure_is_an_error(chats: Bed, browse, said: str, text: str) -> None:
    chat = Chat(chats, browse)
    chat.send(said)
    chat.wait("chat.status === 'error'")
    assert chat.said() == text
    # A page that is still asking for what it missed may be told the same a second time.
    assert len(set(chat.errors())) == 1
