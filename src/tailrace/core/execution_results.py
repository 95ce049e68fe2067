"""Results of code that ran in the API's container: code, shell commands, file edits.

Theory of operation. A result block pairs with a `server_tool_use` block by `tool_use_id`, arrives
whole in its `content_block_start`, and holds in `content` either an error object or the outcome,
told apart by `type`. Those types are unique, so one table serves all three blocks. A command that
ran and failed is an outcome (`return_code`), not an error object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from .tagged import by_type
from .view import View

CodeExecutionToolResultErrorCode: TypeAlias = Literal[
    "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
]
BashCodeExecutionToolResultErrorCode: TypeAlias = (
    CodeExecutionToolResultErrorCode | Literal["output_file_too_large"]
)
TextEditorCodeExecutionToolResultErrorCode: TypeAlias = (
    CodeExecutionToolResultErrorCode | Literal["file_not_found"]
)


class CodeExecutionToolResultErrorObject(View):
    """The code could not be run."""

    __slots__ = ()

    error_code: CodeExecutionToolResultErrorCode
    type: Literal["code_execution_tool_result_error"]


class CodeExecutionOutputBlock(View):
    """A file that the code wrote."""

    __slots__ = ()

    file_id: str
    type: Literal["code_execution_output"]


class CodeExecutionResultBlock(View, nested={"content": CodeExecutionOutputBlock}):
    """What the code printed, its exit status, and the files it wrote."""

    __slots__ = ()

    content: list[CodeExecutionOutputBlock]
    return_code: int
    stderr: str
    stdout: str
    type: Literal["code_execution_result"]


class EncryptedCodeExecutionResultBlock(View, nested={"content": CodeExecutionOutputBlock}):
    """The same with the output encrypted; it goes back unread."""

    __slots__ = ()

    content: list[CodeExecutionOutputBlock]
    encrypted_stdout: str
    return_code: int
    stderr: str
    type: Literal["encrypted_code_execution_result"]


class BashCodeExecutionToolResultErrorObject(View):
    """The shell command could not be run."""

    __slots__ = ()

    error_code: BashCodeExecutionToolResultErrorCode
    type: Literal["bash_code_execution_tool_result_error"]


class BashCodeExecutionOutputBlock(View):
    """A file that the shell command wrote."""

    __slots__ = ()

    file_id: str
    type: Literal["bash_code_execution_output"]


class BashCodeExecutionResultBlock(View, nested={"content": BashCodeExecutionOutputBlock}):
    """What the shell command printed, its exit status, and the files it wrote."""

    __slots__ = ()

    content: list[BashCodeExecutionOutputBlock]
    return_code: int
    stderr: str
    stdout: str
    type: Literal["bash_code_execution_result"]


class TextEditorCodeExecutionToolResultErrorObject(View):
    """The file could not be viewed or changed."""

    __slots__ = ()

    error_code: TextEditorCodeExecutionToolResultErrorCode
    error_message: str | None
    type: Literal["text_editor_code_execution_tool_result_error"]


class TextEditorCodeExecutionViewResultBlock(View):
    """Lines of a file: `num_lines` of `total_lines`, from `start_line` on."""

    __slots__ = ()

    content: str
    file_type: Literal["text", "image", "pdf"]
    num_lines: int | None
    start_line: int | None
    total_lines: int | None
    type: Literal["text_editor_code_execution_view_result"]


class TextEditorCodeExecutionCreateResultBlock(View):
    """A file was written; `is_file_update` says that it was there before."""

    __slots__ = ()

    is_file_update: bool
    type: Literal["text_editor_code_execution_create_result"]


class TextEditorCodeExecutionStrReplaceResultBlock(View):
    """A file was changed; `lines` is the hunk of the diff."""

    __slots__ = ()

    lines: list[str] | None
    new_lines: int | None
    new_start: int | None
    old_lines: int | None
    old_start: int | None
    type: Literal["text_editor_code_execution_str_replace_result"]


EXECUTION_RESULTS: Mapping[str, type[View]] = {
    "code_execution_tool_result_error": CodeExecutionToolResultErrorObject,
    "code_execution_result": CodeExecutionResultBlock,
    "encrypted_code_execution_result": EncryptedCodeExecutionResultBlock,
    "bash_code_execution_tool_result_error": BashCodeExecutionToolResultErrorObject,
    "bash_code_execution_result": BashCodeExecutionResultBlock,
    "text_editor_code_execution_tool_result_error": TextEditorCodeExecutionToolResultErrorObject,
    "text_editor_code_execution_view_result": TextEditorCodeExecutionViewResultBlock,
    "text_editor_code_execution_create_result": TextEditorCodeExecutionCreateResultBlock,
    "text_editor_code_execution_str_replace_result": TextEditorCodeExecutionStrReplaceResultBlock,
}
_result = by_type(EXECUTION_RESULTS)

CodeExecutionToolResultBlockContent: TypeAlias = (
    CodeExecutionToolResultErrorObject
    | CodeExecutionResultBlock
    | EncryptedCodeExecutionResultBlock
)
BashCodeExecutionToolResultBlockContent: TypeAlias = (
    BashCodeExecutionToolResultErrorObject | BashCodeExecutionResultBlock
)
TextEditorCodeExecutionToolResultBlockContent: TypeAlias = (
    TextEditorCodeExecutionToolResultErrorObject
    | TextEditorCodeExecutionViewResultBlock
    | TextEditorCodeExecutionCreateResultBlock
    | TextEditorCodeExecutionStrReplaceResultBlock
)


class CodeExecutionToolResultBlock(View, nested={"content": _result}):
    """The outcome of a `code_execution` call."""

    __slots__ = ()

    content: CodeExecutionToolResultBlockContent
    tool_use_id: str
    type: Literal["code_execution_tool_result"]


class BashCodeExecutionToolResultBlock(View, nested={"content": _result}):
    """The outcome of a `bash_code_execution` call."""

    __slots__ = ()

    content: BashCodeExecutionToolResultBlockContent
    tool_use_id: str
    type: Literal["bash_code_execution_tool_result"]


class TextEditorCodeExecutionToolResultBlock(View, nested={"content": _result}):
    """The outcome of a `text_editor_code_execution` call."""

    __slots__ = ()

    content: TextEditorCodeExecutionToolResultBlockContent
    tool_use_id: str
    type: Literal["text_editor_code_execution_tool_result"]
