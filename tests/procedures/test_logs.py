"""What is logged, and what never is."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from tests.corpus import STOP, ends, starts, text
from tests.procedures.scripted import OVERLOADED, Scripted, reply

from tailrace import APIError
from tailrace.procedures.logs import enable_logging, log
from tailrace.transports.memory import Answer, Lost

KEY = "sk-ant-secret-key"
PROMPT = "the prompt nobody may see"
REPLY = "the reply nobody may see"
ADDRESS = "http://localhost:7/v1/messages"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    level, handlers = log.level, list(log.handlers)
    yield
    log.setLevel(level)
    log.handlers[:] = handlers


def scripted() -> Scripted:
    """A client whose first try is lost, whose second is overloaded, and whose third answers."""
    said = reply(starts(), *text(0, REPLY), ends(), STOP, headers={"request-id": "req_7"})
    return Scripted(Lost(), reply(OVERLOADED), said, base_url="http://me:password@localhost:7")


def ask(one: Scripted) -> None:
    one.text(
        messages=[{"role": "user", "content": PROMPT}],
        extra_headers={"x-api-key": KEY, "x-mine": "a header nobody may see"},
    )


def test_debug_tells_of_every_try(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tailrace")
    ask(scripted())
    assert [record.getMessage() for record in caplog.records] == [
        f"Request: POST {ADDRESS} (try 1)",
        f"Retrying {ADDRESS} in 0.25 seconds: try 1 failed (connection)",
        f"Request: POST {ADDRESS} (try 2)",
        f"Response: POST {ADDRESS} -> 200 (request-id None)",
        f"Retrying {ADDRESS} in 0.50 seconds: try 2 failed (overloaded_error)",
        f"Request: POST {ADDRESS} (try 3)",
        f"Response: POST {ADDRESS} -> 200 (request-id req_7)",
    ]


def test_info_tells_of_what_was_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tailrace")
    ask(scripted())
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]


def test_no_key_no_header_no_prompt_no_reply(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(scripted())
    body = f'{{"error": {{"message": "{PROMPT} is too long", "type": "x"}}}}'.encode()
    with pytest.raises(APIError):
        ask(Scripted(Answer(body, status=400)))
    for record in caplog.records:
        for part in (record.getMessage(), repr(record.__dict__)):
            assert not any(one in part for one in (KEY, PROMPT, REPLY, "nobody", "password"))


def test_no_prompt_and_no_key_in_the_text_of_an_error() -> None:
    one = Scripted(reply(starts(), *text(0, REPLY)), max_retries=0)
    with pytest.raises(APIError) as caught:
        ask(one)
    shown = f"{caught.value} {caught.value!r} {caught.value.request!r}"
    assert not any(word in shown for word in (KEY, PROMPT, REPLY))


def test_it_is_silent_unless_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_LOG", raising=False)
    ask(scripted())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "level"),
    [("debug", logging.DEBUG), ("DEBUG", logging.DEBUG), ("info", logging.INFO)],
)
def test_the_environment_turns_it_on(
    value: str, level: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_LOG", value)
    ask(scripted())
    assert log.level == level
    shown = capsys.readouterr().err
    assert " tailrace INFO] Retrying" in shown
    assert ("DEBUG" in shown) == (level == logging.DEBUG)


def test_any_other_value_leaves_it_as_it_is() -> None:
    before = log.level, list(log.handlers)
    for value in (None, "", "off", "trace"):
        enable_logging(value)
    assert (log.level, list(log.handlers)) == before


def test_an_applications_own_handler_is_left_alone() -> None:
    own = logging.NullHandler()
    log.handlers[:] = [own]
    enable_logging("info")
    enable_logging("info")
    assert log.handlers == [own]
