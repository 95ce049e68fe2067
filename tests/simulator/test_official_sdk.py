"""The official SDK talks to the simulator without noticing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tailrace.simulator.acts import (
    Block,
    Cut,
    Error,
    Fail,
    Ping,
    RedactedThinking,
    Refuse,
    ServerTool,
    Split,
    Stop,
    Text,
    Thinking,
    ToolUse,
)
from tailrace.simulator.answers import POEM
from tailrace.simulator.pace import Pace
from tailrace.simulator.simulator import Simulator

MODEL = "claude-sonnet-5-5"
ASKED: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Write a short poem about APIs."}],
}
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
def client(sim: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=sim.url, api_key="k", max_retries=0) as made:
        yield made


def test_the_stream_helper(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASKED) as stream:
        assert "".join(stream.text_stream) == POEM
        message = stream.get_final_message()
    assert message.stop_reason == "end_turn"
    assert message.id.startswith("msg_")
    assert message.usage.output_tokens > 50
    assert stream.request_id is not None
    assert stream.request_id.startswith("req_")


def test_raw_events(client: anthropic.Anthropic) -> None:
    with client.messages.create(**ASKED, stream=True) as stream:
        kinds = [event.type for event in stream]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_whole_message(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**ASKED)
    assert message.content[0].type == "text"
    assert message.content[0].text == POEM
    assert message._request_id is not None


def test_streamed_and_whole_are_the_same(sim: Simulator, client: anthropic.Anthropic) -> None:
    script = [Thinking("Hm.", "sig"), Text("Yes."), ToolUse("get_weather", {"city": "Rome"}, "t")]
    sim.script(script, script)
    whole = client.messages.create(**ASKED)
    with client.messages.stream(**ASKED) as stream:
        streamed = stream.get_final_message()
    told = [block.to_dict() for block in streamed.content]
    assert [block.to_dict() for block in whole.content] == told
    assert whole.usage.to_dict() == streamed.usage.to_dict()
    assert whole.stop_reason == streamed.stop_reason == "tool_use"


def test_async() -> None:
    async def main() -> None:
        async with (
            Simulator() as sim,
            anthropic.AsyncAnthropic(base_url=sim.url, api_key="k") as client,
        ):
            async with client.messages.stream(**ASKED) as stream:
                assert "".join([text async for text in stream.text_stream]) == POEM
            events = await client.messages.create(**ASKED, stream=True)
            assert [event.type async for event in events][-1] == "message_stop"
            assert (await client.messages.create(**ASKED)).content[0].type == "text"
            count = await client.messages.count_tokens(model=MODEL, messages=ASKED["messages"])
            assert count.input_tokens > 5

    asyncio.run(main())


def test_count_tokens(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(model=MODEL, messages=ASKED["messages"]).input_tokens > 5


def test_models(client: anthropic.Anthropic) -> None:
    listed = list(client.models.list())
    assert client.models.retrieve(listed[0].id).display_name == listed[0].display_name


def test_models_come_in_pages(sim: Simulator, client: anthropic.Anthropic) -> None:
    every = [model.id for model in client.models.list()]
    assert [model.id for model in client.models.list(limit=2)] == every
    assert [request.query for request in sim.requests[1:]] == [
        "limit=2",
        f"limit=2&after_id={every[1]}",
        f"limit=2&after_id={every[3]}",
    ]
    before = client.models.list(before_id=every[2], limit=1)
    assert ([model.id for model in before.data], before.has_more) == ([every[1]], True)
    with pytest.raises(anthropic.BadRequestError):
        client.models.list(limit=0)


def test_tool_use_by_hand(client: anthropic.Anthropic) -> None:
    turns: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 1024, "tools": [WEATHER]}
    with client.messages.stream(**asked, messages=turns) as stream:
        message = stream.get_final_message()
    call = message.content[-1]
    assert call.type == "tool_use"
    assert call.input == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns += [message.to_param(), {"role": "user", "content": [result]}]
    with client.messages.stream(**asked, messages=turns) as stream:
        assert stream.get_final_text() == "The tool answered: sunny"


def test_the_tool_runner(client: anthropic.Anthropic) -> None:
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        return f"rain in {city}"

    runner = client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=1024,
        tools=[get_weather],
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        thread=False,
    )
    assert runner.until_done().content[0].to_dict()["text"] == "The tool answered: rain in Paris"


def test_a_conversation_of_several_turns(sim: Simulator, client: anthropic.Anthropic) -> None:
    sim.script("One.", "Two.")
    turns: list[Any] = [{"role": "user", "content": "Count."}]
    for expected in ("One.", "Two."):
        message = client.messages.create(model=MODEL, max_tokens=99, messages=turns)
        assert message.content[0].to_dict()["text"] == expected
        turns += [message.to_param(), {"role": "user", "content": "Go on."}]
    assert sim.requests[1].ask.turn == 2


def test_every_kind_of_content(sim: Simulator, client: anthropic.Anthropic) -> None:
    citation = {
        "type": "char_location",
        "cited_text": "x",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 1,
    }
    sim.script(
        [
            Thinking("Let me see."),
            RedactedThinking(),
            ServerTool("web_search", {"query": "x"}, result=[]),
            Ping(),
            Text("It says x.", citations=[citation]),
            Block({"type": "never_heard_of", "field": 1}),
            ToolUse("get_weather", {"city": "Zürich"}),
            Split("characters"),
        ]
    )
    with client.messages.stream(**ASKED) as stream:
        blocks = [block.to_dict() for block in stream.get_final_message().content]
    assert [block["type"] for block in blocks] == [
        "thinking",
        "redacted_thinking",
        "server_tool_use",
        "web_search_tool_result",
        "text",
        "never_heard_of",
        "tool_use",
    ]
    assert blocks[0]["thinking"] == "Let me see."
    assert blocks[4]["citations"] == [citation]
    assert blocks[6]["input"] == {"city": "Zürich"}


@pytest.mark.parametrize("reason", ["pause_turn", "refusal", "model_context_window_exceeded"])
def test_stop_reasons(sim: Simulator, client: anthropic.Anthropic, reason: str) -> None:
    sim.script([Text("x"), Stop(reason)])
    with client.messages.stream(**ASKED) as stream:
        assert stream.get_final_message().stop_reason == reason


def test_no_tokens_at_all_fill_the_cache(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**{**ASKED, "max_tokens": 0})
    assert (message.content, message.stop_reason) == ([], "max_tokens")
    assert message.usage.output_tokens == 0


def test_max_tokens(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**{**ASKED, "max_tokens": 7})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 7)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (402, anthropic.APIStatusError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (413, anthropic.APIStatusError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
def test_failures_are_the_official_errors(
    sim: Simulator, client: anthropic.Anthropic, status: int, error: type[Exception]
) -> None:
    sim.script(Fail(status))
    with pytest.raises(error) as caught:
        client.messages.create(**ASKED)
    assert isinstance(caught.value, anthropic.APIStatusError)
    assert caught.value.status_code == status
    assert caught.value.request_id is not None


def test_a_wrong_key_is_refused() -> None:
    with (
        Simulator(api_keys=["right"]) as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="wrong") as client,
        pytest.raises(anthropic.AuthenticationError, match="Invalid bearer token"),
    ):
        client.messages.create(**ASKED)


def test_a_bad_request_hears_why(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="greater than or equal to 0"):
        client.messages.create(**{**ASKED, "max_tokens": -1})


def test_an_unknown_path_is_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.get("/v1/nothing", cast_to=object)


def test_it_fails_twice_then_answers(sim: Simulator) -> None:
    sim.script(Fail(529, retry_after=0.01), Fail(500, headers={"retry-after-ms": "5"}), "At last")
    with anthropic.Anthropic(base_url=sim.url, api_key="k", max_retries=2) as client:
        assert client.messages.create(**ASKED).content[0].to_dict()["text"] == "At last"
    assert [one.status for one in sim.requests] == [529, 500, 200]
    assert [one.headers["x-stainless-retry-count"] for one in sim.requests] == ["0", "1", "2"]


def test_a_refused_connection_is_a_connection_error(
    sim: Simulator, client: anthropic.Anthropic
) -> None:
    sim.script(Refuse())
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**ASKED)
    with sim.down(), pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**ASKED)


def test_an_error_in_the_stream_is_raised(sim: Simulator, client: anthropic.Anthropic) -> None:
    sim.script([Text("Half a "), Error("overloaded_error")])
    with client.messages.stream(**ASKED) as stream:
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            stream.get_final_message()
        assert stream.current_message_snapshot.content[0].to_dict()["text"] == "Half a "


def test_a_clean_cut_is_taken_for_a_whole_reply(
    sim: Simulator, client: anthropic.Anthropic
) -> None:
    """The official SDK's best-known defect, which the simulator exists to show."""
    sim.script([Text("Half a "), Cut("end")])
    with client.messages.stream(**ASKED) as stream:
        assert stream.get_final_message().stop_reason is None


def test_connections_are_reused(sim: Simulator, client: anthropic.Anthropic) -> None:
    for _ in range(3):
        client.messages.create(**ASKED)
    with client.messages.stream(**ASKED) as stream:
        stream.until_done()
    assert {one.connection for one in sim.requests} == {1}


def test_leaving_early_stops_the_script(sim: Simulator, client: anthropic.Anthropic) -> None:
    sim.script(Text("word " * 1000, pace=Pace(200)))
    with client.messages.stream(**ASKED) as stream:
        next(iter(stream.text_stream))
    assert sim.wait(1, timeout=3)[0].ended == "client left"


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_the_version_decides_about_temperature(client: anthropic.Anthropic, version: str) -> None:
    options: dict[str, Any] = {
        "extra_body": {"temperature": 0.5},
        "extra_headers": {"anthropic-version": version},
    }
    if version == "2023-06-01":
        client.messages.create(**ASKED, **options)
    else:
        with pytest.raises(anthropic.BadRequestError, match="temperature: Extra inputs are not"):
            client.messages.create(**ASKED, **options)
