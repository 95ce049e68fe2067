import copy

import pytest

from tailrace.core import execution_results as results
from tailrace.core.view import View

BLOCKS = [
    results.CodeExecutionToolResultBlock,
    results.BashCodeExecutionToolResultBlock,
    results.TextEditorCodeExecutionToolResultBlock,
]
FILES = [
    (results.CodeExecutionResultBlock, results.CodeExecutionOutputBlock),
    (results.EncryptedCodeExecutionResultBlock, results.CodeExecutionOutputBlock),
    (results.BashCodeExecutionResultBlock, results.BashCodeExecutionOutputBlock),
]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("kind", "cls"), results.EXECUTION_RESULTS.items())
def test_content_is_told_apart(block, kind, cls):
    data = {"tool_use_id": "1", "content": {"type": kind, "abort_reason": None}}
    view = block(copy.deepcopy(data))
    assert type(view.content) is cls
    assert view.content.abort_reason is None
    assert view.to_dict() == data


@pytest.mark.parametrize(("result", "file"), FILES)
def test_files_are_views(result, file):
    view = result(content=[{"type": "code_execution_output", "file_id": "f"}])
    assert type(view.content[0]) is file
    assert view.content[0].file_id == "f"


@pytest.mark.parametrize("block", BLOCKS)
def test_an_unknown_outcome_keeps_its_data(block):
    view = block(content={"type": "smoke", "colour": "blue"})
    assert type(view.content) is View
    assert view.content.colour == "blue"


def test_the_text_of_a_file_stays_text():
    view = results.TextEditorCodeExecutionViewResultBlock(content="a\nb", num_lines=2)
    assert (view.content, view.num_lines, view.start_line) == ("a\nb", 2, None)
