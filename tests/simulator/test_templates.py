from typing import Any

import pytest

from tailrace.simulator.ask import Ask
from tailrace.simulator.templates import check, fill

ASK = Ask(
    {
        "model": "claude-x",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "What is {this}?"}],
        "metadata": {"user_id": "u7"},
    },
    {"x-run": "42"},
    number=3,
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("You said: {{user}}", "You said: What is {this}?"),
        ("{{ model }}/{{turn}}/{{number}}/{{max_tokens}}", "claude-x/1/3/9"),
        ("{{header.X-Run}}{{header.none}}", "42"),
        ("{{body.metadata.user_id}}", "u7"),
        ("{{body.messages.0.role}}{{body.messages.7.role}}{{body.model.x}}", "user"),
        ("{single} braces stay", "{single} braces stay"),
        ({"q": ["{{model}}", 1]}, {"q": ["claude-x", 1]}),
    ],
)
def test_what_a_template_becomes(text: Any, filled: Any) -> None:
    assert fill(text, ASK) == filled


def test_an_unknown_name_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"\{\{nmae\}\}.*known are user, system, model"):
        check("Hello {{nmae}}")
    with pytest.raises(ValueError, match="nmae"):
        fill("Hello {{nmae}}", ASK)
