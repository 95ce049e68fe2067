"""Messages and the table of their content blocks.

Theory of operation. A `Message` is the JSON of a reply; its blocks become the classes of
`CONTENT_BLOCKS` the first time they are looked at, in place. A block of a kind that is not in the
table becomes an `UnknownBlock` and keeps its data. The GA and the beta API share their classes: a
field or block that only one of them sends is simply absent from the other's replies. `ContentBlock`
is the union for type checkers; comparing `block.type` narrows it. What this library knows about a
message besides its JSON (was it whole, what did it take to get it) is in properties over hidden
slots, see `hidden`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from .blocks import (
    BetaFallbackBlock,
    BetaMCPToolUseBlock,
    ContainerUploadBlock,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
    UnknownBlock,
)
from .circumstances import (
    INPUT_TRANSFORMATIONS,
    BetaContextManagementResponse,
    BetaCountTokensContextManagementResponse,
    BetaInputTransformation,
    Container,
    Diagnostics,
    RefusalStopDetails,
    StopReason,
)
from .citations import Citation, citation
from .compaction import BetaCompactionBlock, BetaMCPToolListingBlock
from .execution_results import (
    BashCodeExecutionToolResultBlock,
    CodeExecutionToolResultBlock,
    TextEditorCodeExecutionToolResultBlock,
)
from .hidden import Hidden
from .tagged import by_type
from .tool_results import (
    BetaAdvisorToolResultBlock,
    BetaMCPToolResultBlock,
    ToolSearchToolResultBlock,
    WebFetchToolResultBlock,
    WebSearchToolResultBlock,
)
from .usage import Usage
from .view import View

if TYPE_CHECKING:
    # For the signature of `to_param` alone; nothing is imported from there when running.
    from tailrace.types.params_messages import MessageParam

__all__ = [
    "CONTENT_BLOCKS",
    "Citation",
    "ContentBlock",
    "Message",
    "MessageTokensCount",
    "ParsedMessage",
    "ParsedTextBlock",
    "StopReason",
    "UnknownBlock",
    "Usage",
    "citation",
    "content_block",
    "message",
]

ContentBlock: TypeAlias = (
    TextBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ServerToolUseBlock
    | WebSearchToolResultBlock
    | WebFetchToolResultBlock
    | BetaAdvisorToolResultBlock
    | CodeExecutionToolResultBlock
    | BashCodeExecutionToolResultBlock
    | TextEditorCodeExecutionToolResultBlock
    | ToolSearchToolResultBlock
    | BetaMCPToolUseBlock
    | BetaMCPToolResultBlock
    | ContainerUploadBlock
    | BetaCompactionBlock
    | BetaFallbackBlock
    | BetaMCPToolListingBlock
)

CONTENT_BLOCKS: Mapping[str, type[View]] = {
    "text": TextBlock,
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedThinkingBlock,
    "tool_use": ToolUseBlock,
    "server_tool_use": ServerToolUseBlock,
    "web_search_tool_result": WebSearchToolResultBlock,
    "web_fetch_tool_result": WebFetchToolResultBlock,
    "advisor_tool_result": BetaAdvisorToolResultBlock,
    "code_execution_tool_result": CodeExecutionToolResultBlock,
    "bash_code_execution_tool_result": BashCodeExecutionToolResultBlock,
    "text_editor_code_execution_tool_result": TextEditorCodeExecutionToolResultBlock,
    "tool_search_tool_result": ToolSearchToolResultBlock,
    "mcp_tool_use": BetaMCPToolUseBlock,
    "mcp_tool_result": BetaMCPToolResultBlock,
    "container_upload": ContainerUploadBlock,
    "compaction": BetaCompactionBlock,
    "fallback": BetaFallbackBlock,
    "mcp_tool_listing": BetaMCPToolListingBlock,
}

_wrap = by_type(CONTENT_BLOCKS, other=UnknownBlock)


def content_block(data: dict[str, Any]) -> ContentBlock:
    """The content block that `data` is; one of an unknown kind is an `UnknownBlock`."""
    return cast("ContentBlock", _wrap(data))


class Message(
    Hidden,
    nested={
        "container": Container,
        "content": content_block,
        "context_management": BetaContextManagementResponse,
        "diagnostics": Diagnostics,
        "input_transformations": by_type(INPUT_TRANSFORMATIONS),
        "stop_details": RefusalStopDetails,
        "usage": Usage,
    },
    hidden={
        "_complete": True,
        "_attempts": (),
        "_open_blocks": (),
        "_stopped_by_caller": False,
    },
):
    """A reply of the model. Only the beta API sends `context_management` and the last field."""

    __slots__ = (
        "_attempts",
        "_complete",
        "_open_blocks",
        "_request_id",
        "_stopped_by_caller",
        "_workspace_id",
    )

    id: str
    container: Container | None
    content: list[ContentBlock]
    context_management: BetaContextManagementResponse | None
    diagnostics: Diagnostics | None
    model: str
    role: Literal["assistant"]
    stop_details: RefusalStopDetails | None
    stop_reason: StopReason | None
    stop_sequence: str | None
    type: Literal["message"]
    usage: Usage
    input_transformations: list[BetaInputTransformation] | None

    _attempts: tuple[Any, ...]
    _complete: bool
    _open_blocks: tuple[int, ...]
    _request_id: str | None
    _stopped_by_caller: bool
    _workspace_id: str | None

    @property
    def complete(self) -> bool:
        """Whether this is the whole reply: False only for what is left of a stream that broke."""
        return self._complete

    @property
    def attempts(self) -> tuple[Any, ...]:
        """What it took to get the reply, earliest first; empty if nothing had to be repeated."""
        return self._attempts

    @property
    def stopped_by_caller(self) -> bool:
        """Whether the caller ended the stream before the model did."""
        return self._stopped_by_caller

    @property
    def parsed_output(self) -> Any:
        """The first text block's `parsed_output`, if there is one, else None."""
        texts = (block for block in self.content or () if isinstance(block, TextBlock))
        parsed = (text.parsed_output for text in texts)
        return next((value for value in parsed if value is not None), None)

    def to_param(self) -> MessageParam:
        """This reply as a turn of the next request: its role and its blocks, exactly as received.

        The list is a new one; the blocks in it are this message's own. Of a reply that was cut or
        stopped, a block that had not ended is left out unless it is text: half a thinking block
        has no signature, and half a tool call is none.
        """
        content = [
            block
            for index, block in enumerate(self.content or ())
            if index not in self._open_blocks or (block.type == "text" and block.text)
        ]
        return {"role": self.role, "content": content}


def message(data: dict[str, Any]) -> Message:
    """The message that `data` is."""
    return Message(data)


class MessageTokensCount(
    View, nested={"context_management": BetaCountTokensContextManagementResponse}
):
    """The size of a request, in tokens. Only the beta API sends `context_management`."""

    __slots__ = ()

    context_management: BetaCountTokensContextManagementResponse | None
    input_tokens: int


if TYPE_CHECKING:
    # Type checkers see what `output_format` was; when running these are the plain classes, so
    # that `isinstance` holds for every message and text block.
    ParsedT = TypeVar("ParsedT")

    class ParsedTextBlock(TextBlock, Generic[ParsedT]):
        """A text block whose `parsed_output` has a known type."""

        @property
        def parsed_output(self) -> ParsedT | None:
            """The parsed text, or None."""

    class ParsedMessage(Message, Generic[ParsedT]):
        """A message whose `parsed_output` has a known type."""

        @property
        def parsed_output(self) -> ParsedT | None:
            """The parsed text, or None."""
else:
    ParsedTextBlock = TextBlock
    ParsedMessage = Message
