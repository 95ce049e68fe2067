"""Parameters that send back what the API's own tools had returned.

Whoever keeps the reply as it came sends these without writing them: a reply's blocks are accepted
wherever a content parameter is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypeAlias

from tailrace.core.execution_results import (
    BashCodeExecutionToolResultErrorCode,
    CodeExecutionToolResultErrorCode,
    TextEditorCodeExecutionToolResultErrorCode,
)
from tailrace.core.tool_results import (
    ToolSearchToolResultErrorCode,
    WebFetchToolResultErrorCode,
    WebSearchToolResultErrorCode,
)

from .params_common import Cacheable, CallerParam, TypedDict
from .params_documents import DocumentBlockParam, TextBlockParam


class WebSearchResultBlockParam(TypedDict):
    """A page that was found."""

    encrypted_content: str
    title: str
    type: Literal["web_search_result"]
    url: str
    page_age: NotRequired[str | None]


class WebSearchToolRequestErrorObjectParam(TypedDict):
    """The search failed."""

    error_code: WebSearchToolResultErrorCode
    type: Literal["web_search_tool_result_error"]


WebSearchToolResultBlockParamContentParam: TypeAlias = (
    Iterable[WebSearchResultBlockParam] | WebSearchToolRequestErrorObjectParam
)


class WebSearchToolResultBlockParam(Cacheable):
    """The outcome of a web search."""

    content: WebSearchToolResultBlockParamContentParam
    tool_use_id: str
    type: Literal["web_search_tool_result"]
    caller: NotRequired[CallerParam]


class WebFetchToolResultErrorBlockParam(TypedDict):
    """The page could not be fetched."""

    error_code: WebFetchToolResultErrorCode
    type: Literal["web_fetch_tool_result_error"]


class WebFetchBlockParam(TypedDict):
    """A page that was fetched."""

    content: DocumentBlockParam
    type: Literal["web_fetch_result"]
    url: str
    retrieved_at: NotRequired[str | None]


class WebFetchToolResultBlockParam(Cacheable):
    """The outcome of a web fetch."""

    content: WebFetchToolResultErrorBlockParam | WebFetchBlockParam
    tool_use_id: str
    type: Literal["web_fetch_tool_result"]
    caller: NotRequired[CallerParam]


class CodeExecutionToolResultErrorParam(TypedDict):
    """The code could not be run."""

    error_code: CodeExecutionToolResultErrorCode
    type: Literal["code_execution_tool_result_error"]


class CodeExecutionOutputBlockParam(TypedDict):
    """A file that the code wrote."""

    file_id: str
    type: Literal["code_execution_output"]


class CodeExecutionResultBlockParam(TypedDict):
    """What the code printed and wrote."""

    content: Iterable[CodeExecutionOutputBlockParam]
    return_code: int
    stderr: str
    stdout: str
    type: Literal["code_execution_result"]


class EncryptedCodeExecutionResultBlockParam(TypedDict):
    """The same with the output encrypted."""

    content: Iterable[CodeExecutionOutputBlockParam]
    encrypted_stdout: str
    return_code: int
    stderr: str
    type: Literal["encrypted_code_execution_result"]


CodeExecutionToolResultBlockParamContentParam: TypeAlias = (
    CodeExecutionToolResultErrorParam
    | CodeExecutionResultBlockParam
    | EncryptedCodeExecutionResultBlockParam
)


class CodeExecutionToolResultBlockParam(Cacheable):
    """The outcome of running code."""

    content: CodeExecutionToolResultBlockParamContentParam
    tool_use_id: str
    type: Literal["code_execution_tool_result"]


class BashCodeExecutionToolResultErrorParam(TypedDict):
    """The shell command could not be run."""

    error_code: BashCodeExecutionToolResultErrorCode
    type: Literal["bash_code_execution_tool_result_error"]


class BashCodeExecutionOutputBlockParam(TypedDict):
    """A file that the shell command wrote."""

    file_id: str
    type: Literal["bash_code_execution_output"]


class BashCodeExecutionResultBlockParam(TypedDict):
    """What the shell command printed and wrote."""

    content: Iterable[BashCodeExecutionOutputBlockParam]
    return_code: int
    stderr: str
    stdout: str
    type: Literal["bash_code_execution_result"]


class BashCodeExecutionToolResultBlockParam(Cacheable):
    """The outcome of a shell command."""

    content: BashCodeExecutionToolResultErrorParam | BashCodeExecutionResultBlockParam
    tool_use_id: str
    type: Literal["bash_code_execution_tool_result"]


class TextEditorCodeExecutionToolResultErrorParam(TypedDict):
    """The file could not be viewed or changed."""

    error_code: TextEditorCodeExecutionToolResultErrorCode
    type: Literal["text_editor_code_execution_tool_result_error"]
    error_message: NotRequired[str | None]


class TextEditorCodeExecutionViewResultBlockParam(TypedDict):
    """Lines of a file."""

    content: str
    file_type: Literal["text", "image", "pdf"]
    type: Literal["text_editor_code_execution_view_result"]
    num_lines: NotRequired[int | None]
    start_line: NotRequired[int | None]
    total_lines: NotRequired[int | None]


class TextEditorCodeExecutionCreateResultBlockParam(TypedDict):
    """A file was written."""

    is_file_update: bool
    type: Literal["text_editor_code_execution_create_result"]


class TextEditorCodeExecutionStrReplaceResultBlockParam(TypedDict):
    """A file was changed."""

    type: Literal["text_editor_code_execution_str_replace_result"]
    lines: NotRequired[Sequence[str] | None]
    new_lines: NotRequired[int | None]
    new_start: NotRequired[int | None]
    old_lines: NotRequired[int | None]
    old_start: NotRequired[int | None]


class TextEditorCodeExecutionToolResultBlockParam(Cacheable):
    """The outcome of viewing or changing a file."""

    content: (
        TextEditorCodeExecutionToolResultErrorParam
        | TextEditorCodeExecutionViewResultBlockParam
        | TextEditorCodeExecutionCreateResultBlockParam
        | TextEditorCodeExecutionStrReplaceResultBlockParam
    )
    tool_use_id: str
    type: Literal["text_editor_code_execution_tool_result"]


class ToolReferenceBlockParam(Cacheable):
    """A tool by its name."""

    tool_name: str
    type: Literal["tool_reference"]


class ToolSearchToolResultErrorParam(TypedDict):
    """The search among the tools failed."""

    error_code: ToolSearchToolResultErrorCode
    type: Literal["tool_search_tool_result_error"]
    error_message: NotRequired[str | None]


class ToolSearchToolSearchResultBlockParam(TypedDict):
    """The tools that were found."""

    tool_references: Iterable[ToolReferenceBlockParam]
    type: Literal["tool_search_tool_search_result"]


class ToolSearchToolResultBlockParam(Cacheable):
    """The outcome of a search among the tools."""

    content: ToolSearchToolResultErrorParam | ToolSearchToolSearchResultBlockParam
    tool_use_id: str
    type: Literal["tool_search_tool_result"]


class BetaAdvisorToolResultErrorParam(TypedDict):
    """The advising model gave no answer."""

    error_code: Literal[
        "max_uses_exceeded",
        "prompt_too_long",
        "too_many_requests",
        "overloaded",
        "unavailable",
        "execution_time_exceeded",
        "model_not_found",
    ]
    type: Literal["advisor_tool_result_error"]


class BetaAdvisorResultBlockParam(TypedDict):
    """The advising model's answer."""

    text: str
    type: Literal["advisor_result"]
    stop_reason: NotRequired[str | None]


class BetaAdvisorRedactedResultBlockParam(TypedDict):
    """The advising model's answer, encrypted."""

    encrypted_content: str
    type: Literal["advisor_redacted_result"]
    stop_reason: NotRequired[str | None]


class BetaAdvisorToolResultBlockParam(Cacheable):
    """The outcome of asking the advising model."""

    content: (
        BetaAdvisorToolResultErrorParam
        | BetaAdvisorResultBlockParam
        | BetaAdvisorRedactedResultBlockParam
    )
    tool_use_id: str
    type: Literal["advisor_tool_result"]


class BetaRequestMCPToolResultBlockParam(Cacheable):
    """What a tool of an MCP server answered."""

    tool_use_id: str
    type: Literal["mcp_tool_result"]
    content: NotRequired[str | Iterable[TextBlockParam]]
    is_error: NotRequired[bool]
