"""Parameters for the turns of a conversation.

A turn is a dict with a role and its content: text, or a list of blocks. The blocks of a reply (see
`tailrace.core.content`) are accepted in that list as they are, next to the dicts of `...Param`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NotRequired, TypeAlias

from tailrace.core.content import ContentBlock, Message

from .params_blocks import (
    BetaCompactionBlockParam,
    BetaFallbackBlockParam,
    BetaMCPToolListingBlockParam,
    BetaMCPToolUseBlockParam,
    BetaRequestToolAdditionBlockParam,
    BetaRequestToolRemovalBlockParam,
    ContainerUploadBlockParam,
    RedactedThinkingBlockParam,
    ServerToolUseBlockParam,
    ThinkingBlockParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from .params_common import TypedDict
from .params_documents import (
    DocumentBlockParam,
    ImageBlockParam,
    SearchResultBlockParam,
    TextBlockParam,
)
from .params_request import Effort
from .params_results import (
    BashCodeExecutionToolResultBlockParam,
    BetaAdvisorToolResultBlockParam,
    BetaRequestMCPToolResultBlockParam,
    CodeExecutionToolResultBlockParam,
    TextEditorCodeExecutionToolResultBlockParam,
    ToolSearchToolResultBlockParam,
    WebFetchToolResultBlockParam,
    WebSearchToolResultBlockParam,
)

ContentBlockParam: TypeAlias = (
    TextBlockParam
    | ImageBlockParam
    | DocumentBlockParam
    | SearchResultBlockParam
    | ThinkingBlockParam
    | RedactedThinkingBlockParam
    | ToolUseBlockParam
    | ToolResultBlockParam
    | ServerToolUseBlockParam
    | WebSearchToolResultBlockParam
    | WebFetchToolResultBlockParam
    | BetaAdvisorToolResultBlockParam
    | CodeExecutionToolResultBlockParam
    | BashCodeExecutionToolResultBlockParam
    | TextEditorCodeExecutionToolResultBlockParam
    | ToolSearchToolResultBlockParam
    | BetaMCPToolUseBlockParam
    | BetaRequestMCPToolResultBlockParam
    | ContainerUploadBlockParam
    | BetaCompactionBlockParam
    | BetaRequestToolAdditionBlockParam
    | BetaRequestToolRemovalBlockParam
    | BetaMCPToolListingBlockParam
    | BetaFallbackBlockParam
)

MessageContentParam: TypeAlias = str | Iterable[ContentBlockParam | ContentBlock]


class BetaSystemMessageOutputConfigParam(TypedDict, total=False):
    """How hard the model tries from here on."""

    effort: Effort | None


class UserMessageParam(TypedDict):
    """A turn of the user."""

    content: MessageContentParam
    role: Literal["user"]


class AssistantMessageParam(TypedDict):
    """A turn of the model. As the last turn it is the beginning of the reply."""

    content: MessageContentParam
    role: Literal["assistant"]


class SystemMessageParam(TypedDict):
    """An instruction in the middle of the conversation."""

    content: str | Iterable[TextBlockParam]
    role: Literal["system"]


class BetaSystemMessageParam(TypedDict):
    """The same for the beta API: it may also change the tools, the effort, or just pass away."""

    role: Literal["system"]
    clear_at: NotRequired[Literal["next_user_message", "never"] | None]
    content: NotRequired[
        str
        | Iterable[
            TextBlockParam | BetaRequestToolAdditionBlockParam | BetaRequestToolRemovalBlockParam
        ]
    ]
    output_config: NotRequired[BetaSystemMessageOutputConfigParam | None]


class MessageParam(TypedDict):
    """A turn of any role, which is what most code annotates its list of turns with.

    The keys `clear_at` and `output_config` belong to the role `system` in the beta API.
    """

    content: MessageContentParam
    role: Literal["user", "assistant", "system"]
    clear_at: NotRequired[Literal["next_user_message", "never"] | None]
    output_config: NotRequired[BetaSystemMessageOutputConfigParam | None]


MessageInput: TypeAlias = (
    MessageParam
    | UserMessageParam
    | AssistantMessageParam
    | SystemMessageParam
    | BetaSystemMessageParam
    | Message
)
"""Whatever a request takes as a turn: a dict of any of these shapes, or a reply itself."""
