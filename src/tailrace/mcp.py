"""The tools of an MCP server, for `tools=` of the asynchronous tool runner.

    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        runner = client.messages.tool_runner(tools=await tailrace.mcp.tools(session), …)

Theory of operation. A client session of the `mcp` package (1 or 2) is used only by its methods, so
nothing is imported here until a server has more than one page of tools. What a tool gives becomes
blocks of the Messages API: text and images as such, everything else as text that says what it is.
A session belongs to its event loop, so its tools are for `AsyncAnthropic` in that loop.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tailrace.core.tools import ToolError

JSON = dict[str, Any]

# What the Messages API takes as base64, by the media type.
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_NOT_IN_A_NAME = re.compile("[^a-zA-Z0-9_-]")
_LONGEST_NAME = 128


async def tools(session: Any, *, prefix: str = "", timeout: float | None = None) -> list[MCPTool]:
    """The tools of the server that a session is initialized with.

    `prefix` goes before their names, to tell the tools of several servers apart. `timeout` bounds
    one call, in seconds. Raises what the session raises.
    """
    page = await session.list_tools()
    found: list[Any] = list(page.tools)
    while cursor := _either(page, "next_cursor", "nextCursor"):
        page = await _page(session, cursor)
        found += page.tools
    return [MCPTool(session, tool, prefix=prefix, timeout=timeout) for tool in found]


class MCPTool:
    """A tool of an MCP server. Made by `tools`, in the event loop of its session."""

    is_async = True

    def __init__(
        self, session: Any, tool: Any, *, prefix: str = "", timeout: float | None = None
    ) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._called = str(tool.name)
        self.name = _NOT_IN_A_NAME.sub("_", prefix + self._called)[:_LONGEST_NAME]
        """The name the model knows it by: what the API does not take in a name is a `_`."""
        self.description: str = tool.description or ""
        """What the model reads about it; may be empty."""
        self.input_schema: JSON = dict(_either(tool, "input_schema", "inputSchema"))
        """The JSON schema of its input."""
        self.timeout = timeout
        """How long one call may take, in seconds; `None` for no bound."""

    def to_dict(self) -> JSON:
        """The tool as a request has it."""
        told = {"description": self.description} if self.description else {}
        return {"name": self.name, **told, "input_schema": self.input_schema}

    async def call(self, given: Mapping[str, Any]) -> list[JSON]:
        """Call the tool on its server and give the content of its result.

        Raises `ToolError` where the server says that the call failed, `RuntimeError` in another
        event loop than its session's.
        """
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                f"{self.name} belongs to its MCP session's event loop: use AsyncAnthropic there"
            )
        result = await self._session.call_tool(self._called, dict(given))
        content = _content(result)
        if _either(result, "is_error", "isError"):
            raise ToolError(content)
        return content

    def __repr__(self) -> str:
        return f"<MCPTool {self.name}>"


async def _page(session: Any, cursor: str) -> Any:
    if "params" not in inspect.signature(session.list_tools).parameters:  # early versions of 1
        return await session.list_tools(cursor)
    from mcp.types import PaginatedRequestParams

    return await session.list_tools(params=PaginatedRequestParams(cursor=cursor))


def _either(value: Any, *names: str) -> Any:
    """An attribute that `mcp` 2 calls one way and `mcp` 1 another."""
    return next((getattr(value, name) for name in names if hasattr(value, name)), None)


def _content(result: Any) -> list[JSON]:
    blocks = list(_blocks(result.content))
    structured = _either(result, "structured_content", "structuredContent")
    if not blocks:
        return [_text("" if structured is None else json.dumps(structured, ensure_ascii=False))]
    return blocks


def _blocks(content: Iterable[Any]) -> Iterable[JSON]:
    for block in content:
        data: JSON = block.model_dump(mode="json", by_alias=True)
        kind = data.get("type")
        if kind == "text":
            yield _text(data["text"])
        elif kind == "resource":
            yield _resource(data["resource"])
        elif kind == "resource_link":
            yield _text(f"{data.get('title') or data.get('name')}: {data['uri']}")
        else:
            yield _bytes(data.get("data"), data.get("mimeType"), f"[{kind}]")


def _resource(resource: JSON) -> JSON:
    if "text" in resource:
        return _text(resource["text"])
    return _bytes(resource.get("blob"), resource.get("mimeType"), f"[{resource.get('uri')}]")


def _bytes(data: str | None, media: str | None, name: str) -> JSON:
    """An image or a PDF as such; of anything else, that it is there."""
    source = {"type": "base64", "media_type": media, "data": data}
    if data is not None and media in _IMAGES:
        return {"type": "image", "source": source}
    if data is not None and media == "application/pdf":
        return {"type": "document", "source": source}
    return _text(f"{name} ({media or 'of unknown type'}) cannot be shown here")


def _text(text: str) -> JSON:
    return {"type": "text", "text": text}
