"""MCP tools, over stdio from a real server that the test starts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tailrace
import tailrace.mcp
from tailrace.core.tools import ToolError
from tailrace.simulator import Simulator, ToolUse

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "What is the weather?"}],
}

SERVER = '''
import base64
try:
    from mcp.server.mcpserver import Image, MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server, Image

server = Server("weather")

@server.tool()
def weather(city: str) -> str:
    """The weather of a city."""
    return city + ": 21"

@server.tool(name="sky.picture")
def picture() -> Image:
    """A picture of the sky."""
    return Image(data=base64.b64decode("iVBORw0KGgo="), format="png")

@server.tool()
def fails() -> str:
    """Fails."""
    raise ValueError("no weather today")

server.run("stdio")
'''


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def result_of(**fields: Any) -> Any:
    """A result as `mcp` 2 has it."""
    return SimpleNamespace(
        **{"content": [], "structured_content": None, "is_error": False} | fields
    )


def block(**data: Any) -> Any:
    return SimpleNamespace(model_dump=lambda **_: data)


class FakeSession:
    """A session with one tool, which gives `result`."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.called: list[Any] = []

    async def list_tools(self) -> Any:
        tool = SimpleNamespace(name="sky/weather", description=None, inputSchema={"type": "object"})
        return SimpleNamespace(tools=[tool], nextCursor=None)

    async def call_tool(self, name: str, given: Any) -> Any:
        self.called.append((name, given))
        return self.result


def called(result: Any) -> Any:
    async def main() -> Any:
        session = FakeSession(result)
        (tool,) = await tailrace.mcp.tools(session, prefix="my_", timeout=2.0)
        assert tool.to_dict() == {"name": "my_sky_weather", "input_schema": {"type": "object"}}
        assert tool.timeout == 2.0
        content = await tool.call({"city": "Rome"})
        assert session.called == [("sky/weather", {"city": "Rome"})]
        return content

    return asyncio.run(main())


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


PNG = {"type": "base64", "media_type": "image/png", "data": "AA=="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}


@pytest.mark.parametrize(
    ("given", "content"),
    [
        (result_of(content=[block(type="text", text="fine")]), text("fine")),
        (
            result_of(content=[block(type="image", data="AA==", mimeType="image/png")]),
            {"type": "image", "source": PNG},
        ),
        (
            result_of(content=[block(type="audio", data="AA==", mimeType="audio/wav")]),
            text("[audio] (audio/wav) cannot be shown here"),
        ),
        (
            result_of(content=[block(type="resource", resource={"uri": "x:y", "text": "fine"})]),
            text("fine"),
        ),
        (
            result_of(
                content=[
                    block(
                        type="resource",
                        resource={"uri": "x:y", "blob": "AA==", "mimeType": "application/pdf"},
                    )
                ]
            ),
            {"type": "document", "source": PDF},
        ),
        (
            result_of(content=[block(type="resource", resource={"uri": "x:y", "blob": "AA=="})]),
            text("[x:y] (of unknown type) cannot be shown here"),
        ),
        (
            result_of(content=[block(type="resource_link", name="map", uri="x:y")]),
            text("map: x:y"),
        ),
        (result_of(structured_content={"sky": "blau, grün"}), text('{"sky": "blau, grün"}')),
        (result_of(), text("")),
        (SimpleNamespace(content=[block(type="text", text="1")], isError=False), text("1")),
    ],
)
def test_content_of_results(given: Any, content: dict[str, Any]) -> None:
    assert called(given) == [content]


@pytest.mark.parametrize("name", ["is_error", "isError"])
def test_a_failed_call_is_a_tool_error(name: str) -> None:
    failed = SimpleNamespace(content=[block(type="text", text="no")], **{name: True})
    with pytest.raises(ToolError) as caught:
        called(failed)
    assert caught.value.content == [text("no")]


class PagedSession(FakeSession):
    """A session with a page of tools for each letter."""

    async def list_tools(self, cursor: str | None = None) -> Any:
        tool = SimpleNamespace(name=cursor or "a", description="", inputSchema={"type": "object"})
        return SimpleNamespace(tools=[tool], nextCursor={"a": "b", "b": "c"}.get(tool.name))


class NewPagedSession(PagedSession):
    """The same as `mcp` has it from some version of 1 on."""

    async def list_tools(self, *, params: Any = None) -> Any:  # type: ignore[override]
        return await super().list_tools(params and params.cursor)


@pytest.mark.parametrize("kind", [PagedSession, NewPagedSession])
def test_tools_of_all_pages_are_found(kind: type[FakeSession]) -> None:
    if kind is NewPagedSession:
        pytest.importorskip("mcp", reason="needs the package mcp, the extra tailrace[mcp]")
    found = asyncio.run(tailrace.mcp.tools(kind()))
    assert [tool.name for tool in found] == ["a", "b", "c"]


def test_a_tool_stays_in_the_loop_of_its_session(sim: Simulator) -> None:
    (tool,) = asyncio.run(tailrace.mcp.tools(FakeSession()))
    sim.script([ToolUse("sky_weather", id="toolu_1")], "Sorry.")
    with tailrace.Anthropic(base_url=sim.url, api_key="k") as client:
        runner = client.messages.tool_runner(tools=[tool], **ASKED)
        runner.until_done()
    assert "use AsyncAnthropic there" in runner.messages[2]["content"][0]["content"]


def test_a_conversation_with_a_real_server(sim: Simulator, tmp_path: Path) -> None:
    mcp = pytest.importorskip("mcp", reason="needs the package mcp, the extra tailrace[mcp]")
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    sim.script(
        [
            ToolUse("weather", {"city": "Paris"}, id="toolu_1"),
            ToolUse("sky_picture", id="toolu_2"),
            ToolUse("fails", id="toolu_3"),
        ],
        "Done.",
    )

    async def main() -> list[Any]:
        server = mcp.StdioServerParameters(command=sys.executable, args=[str(script)])
        async with (
            mcp.stdio_client(server) as (read, write),
            mcp.ClientSession(read, write) as session,
            tailrace.AsyncAnthropic(base_url=sim.url, api_key="k") as client,
        ):
            await session.initialize()
            tools = await tailrace.mcp.tools(session)
            runner = client.messages.tool_runner(tools=tools, **ASKED)
            await runner.until_done()
            messages: list[Any] = runner.messages
            return messages

    blocks = asyncio.run(main())[2]["content"]
    assert [one["content"][0]["type"] for one in blocks] == ["text", "image", "text"]
    assert blocks[0]["content"][0]["text"] == "Paris: 21"
    assert blocks[1]["content"][0]["source"] == {**PNG, "data": "iVBORw0KGgo="}
    assert blocks[2]["is_error"]
    assert "fails" in blocks[2]["content"][0]["text"]
    names = [tool["name"] for tool in sim.requests[0].body["tools"]]
    assert names == ["weather", "sky_picture", "fails"]
