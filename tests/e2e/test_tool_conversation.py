"""Conversations with tools over real HTTP, against the simulator, which checks each history."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tailrace
from tailrace import StreamTruncatedError
from tailrace.simulator import (
    Block,
    Cut,
    Error,
    Event,
    ServerTool,
    Simulator,
    Stall,
    Stop,
    Text,
    Thinking,
    ToolUse,
    Wait,
)

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "What is the weather?"}],
}
PARIS = ToolUse("weather", {"city": "Paris"}, id="toolu_paris")
ROME = ToolUse("weather", {"city": "Rome"}, id="toolu_rome")


def begins(index: int, block: dict[str, Any], delta: dict[str, Any]) -> list[Event]:
    """A block that is begun and grows once."""
    return [
        Event({"type": "content_block_start", "index": index, "content_block": block}),
        Event({"type": "content_block_delta", "index": index, "delta": delta}),
    ]


BROKEN = [
    PARIS,
    *begins(
        1,
        {"type": "tool_use", "id": "toolu_rome", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"city": "Ro'},
    ),
    Cut(),
]
"""A reply that is cut in the middle of its second call's input."""


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[tailrace.Anthropic]:
    with tailrace.Anthropic(base_url=sim.url, api_key="k") as client:
        yield client


def weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: 21"


def results(messages: list[Any], turn: int = -1) -> list[tuple[str, Any, bool]]:
    """The tool results of a message: whose, what, and whether they are errors."""
    return [
        (block["tool_use_id"], block["content"], block.get("is_error", False))
        for block in messages[turn]["content"]
    ]


def is_json(messages: list[Any]) -> bool:
    return bool(json.loads(json.dumps(messages)) == messages)


# -- running -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_one_turn_run_at_the_same_time_and_keep_their_order(
    sim: Simulator, client: tailrace.Anthropic, stream: bool
) -> None:
    both = threading.Barrier(2, timeout=20)  # passed only by two at the same time
    last_first = threading.Event()

    def weather(city: str) -> str:
        both.wait()
        if city == "Paris":
            last_first.wait(20)
        last_first.set()
        return city

    sim.script([PARIS, ROME], "Done.")
    runner = client.messages.tool_runner(tools=[weather], stream=stream, **ASKED)
    assert runner.until_done().content[0].text == "Done."
    assert results(sim.requests[1].body["messages"]) == [
        ("toolu_paris", "Paris", False),
        ("toolu_rome", "Rome", False),
    ]


async def run_async(sim: Simulator, tools: list[Any], **options: Any) -> tailrace.AsyncToolRunner:
    async with tailrace.AsyncAnthropic(base_url=sim.url, api_key="k") as client:
        runner = client.messages.tool_runner(tools=tools, **ASKED | options)
        await runner.until_done()
        return runner


def test_async_tools_run_at_the_same_time(sim: Simulator) -> None:
    async def main() -> None:
        both = asyncio.Barrier(2)

        async def weather(city: str) -> str:
            async with asyncio.timeout(20), both:
                return city

        sim.script([PARIS, ROME], "Done.")
        runner = await run_async(sim, [weather])
        assert results(runner.messages, 2) == [
            ("toolu_paris", "Paris", False),
            ("toolu_rome", "Rome", False),
        ]

    asyncio.run(main())


def test_blocking_tools_run_at_the_same_time_in_async_code_too(sim: Simulator) -> None:
    calls = [ToolUse("weather", {"city": str(at)}, id=f"toolu_{at}") for at in range(8)]
    all_of_them = threading.Barrier(8, timeout=20)

    def weather(city: str) -> str:
        all_of_them.wait()
        return city

    sim.script(calls, "Done.")
    runner = asyncio.run(run_async(sim, [weather]))
    assert [result[1] for result in results(runner.messages, 2)] == [str(at) for at in range(8)]


def test_what_goes_wrong_is_told_to_the_model(sim: Simulator, client: tailrace.Anthropic) -> None:
    def fails(why: str) -> str:
        raise RuntimeError(why)

    def refuses() -> str:
        raise tailrace.ToolError([{"type": "text", "text": "No."}])

    sim.script(
        [
            ToolUse("fails", {"why": "broken"}, id="toolu_1"),
            ToolUse("refuses", id="toolu_2"),
            ToolUse("nobody", id="toolu_3"),
            ToolUse("fails", {"whi": 1}, id="toolu_4"),
            ToolUse("fails", raw_input='{"why": "a" "b": 1}', id="toolu_5"),
        ],
        "Sorry.",
    )
    runner = client.messages.tool_runner(tools=[fails, refuses], stream=True, **ASKED)
    runner.until_done()
    assert is_json(runner.messages)
    told = results(sim.requests[1].body["messages"])
    assert all(failed for *_, failed in told)
    assert told[0][1] == "RuntimeError: broken"
    assert told[1][1] == [{"type": "text", "text": "No."}]
    assert told[2][1] == "There is no tool 'nobody'; there are: fails, refuses."
    assert told[3][1].startswith("fails: ")
    assert "`whi` is unknown (did you mean `why`?)" in told[3][1]
    assert json.loads(told[4][1]) == {"INVALID_JSON": '{"why": "a" "b": 1}'}


def test_a_result_that_is_no_json_is_an_error_result(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    def image() -> Any:
        return [{"type": "image", "source": {"type": "base64", "data": object()}}]

    sim.script([ToolUse("image", id="toolu_1")], "Sorry.")
    runner = client.messages.tool_runner(tools=[image], **ASKED)
    runner.until_done()
    assert is_json(runner.messages)
    assert results(runner.messages, 2)[0][2]


def test_a_tool_that_takes_too_long_is_given_up(sim: Simulator, client: tailrace.Anthropic) -> None:
    over = threading.Event()

    @tailrace.tool(timeout=0.01)
    def hangs() -> str:
        over.wait(20)
        return "late"

    sim.script([ToolUse("hangs", id="toolu_1"), ROME], "Sorry.")
    runner = client.messages.tool_runner(tools=[hangs, weather], max_parallel_tools=1, **ASKED)
    runner.until_done()
    over.set()
    assert results(runner.messages, 2) == [
        ("toolu_1", "hangs was given up: it took longer than 0.01 seconds.", True),
        ("toolu_rome", "Rome: 21", False),
    ]


def test_an_async_tool_that_takes_too_long_is_given_up(sim: Simulator) -> None:
    stopped: list[str] = []

    async def hangs() -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            stopped.append("cancelled")
            raise
        return "late"

    async def cancels() -> str:
        raise asyncio.CancelledError

    sim.script([ToolUse("hangs", id="toolu_1"), ToolUse("cancels", id="toolu_2")], "Sorry.")
    runner = asyncio.run(run_async(sim, [hangs, cancels], tool_timeout=0.01))
    assert stopped == ["cancelled"]
    assert results(runner.messages, 2) == [
        ("toolu_1", "hangs was given up: it took longer than 0.01 seconds.", True),
        ("toolu_2", "cancels was given up: it was cancelled.", True),
    ]


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (True, "Rome: 21"),
        (False, "The user declined this tool call."),
        ("", "The user declined this tool call."),
        ("Not on a Sunday.", "Not on a Sunday."),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_call_can_be_confirmed_or_refused(
    sim: Simulator, client: tailrace.Anthropic, verdict: Any, told: str, asynchronous: bool
) -> None:
    asked: list[Any] = []

    def confirm(call: tailrace.ToolCall) -> Any:
        asked.append((threading.current_thread(), call))
        return verdict

    async def later(call: tailrace.ToolCall) -> Any:
        await asyncio.sleep(0)
        return confirm(call)

    sim.script([PARIS, ROME], "Done.")
    hook = later if asynchronous else confirm
    runner = client.messages.tool_runner(
        tools=[weather], confirm=hook, stream=True, run_tools_eagerly=True, **ASKED
    )
    runner.until_done()
    assert results(runner.messages, 2)[1] == ("toolu_rome", told, told[:4] != "Rome")
    thread = threading.current_thread()
    assert asked == [
        (thread, ("toolu_paris", "weather", {"city": "Paris"})),
        (thread, ("toolu_rome", "weather", {"city": "Rome"})),
    ]
    sim.script([PARIS], "Done.")
    assert results(asyncio.run(run_async(sim, [weather], confirm=hook)).messages, 2)[0][1] == (
        told.replace("Rome", "Paris")
    )


def test_an_error_of_the_confirm_hook_ends_the_loop_and_the_call_stays_open(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    def confirm(call: tailrace.ToolCall) -> bool:
        raise LookupError("a bug")

    sim.script([PARIS])
    runner = client.messages.tool_runner(tools=[weather], confirm=confirm, **ASKED)
    with pytest.raises(LookupError):
        runner.until_done()
    assert runner.messages[-1]["content"][-1]["id"] == "toolu_paris"


def test_a_tool_starts_while_its_reply_goes_on(sim: Simulator, client: tailrace.Anthropic) -> None:
    began = threading.Event()

    def weather(city: str) -> str:
        began.set()
        return city

    sim.script([PARIS, Text("Now let me think"), Stall()])
    with client.messages.tool_runner(
        tools=[weather], stream=True, run_tools_eagerly=True, **ASKED
    ) as runner:
        for stream in runner:
            for piece in stream.text_stream:
                assert piece
                assert began.wait(20)
                break
            break
    # The call has run, so the history tells of it although the reply was left.
    assert runner.messages[1]["content"][0]["id"] == "toolu_paris"
    assert results(runner.messages) == [("toolu_paris", "Paris", False)]
    sim.script("Thanks.")
    again = client.messages.tool_runner(
        tools=[weather], **ASKED | {"messages": json.loads(json.dumps(runner.messages))}
    )
    assert again.until_done().content[0].text == "Thanks."


def test_a_deferred_call_waits_for_the_end_of_its_reply(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    ran: list[str] = []

    def weather(city: str) -> str:
        ran.append(city)
        return city

    sim.script([PARIS, ROME], "Done.")
    runner = client.messages.tool_runner(
        tools=[weather], stream=True, run_tools_eagerly=True, **ASKED
    )
    stream = next(runner)
    for event in stream:
        if event.type == "content_block_start" and event.content_block.id == "toolu_paris":
            runner.defer_tool_call(event.content_block)
    assert [block.id for block in runner.deferred_tool_calls] == ["toolu_paris"]
    assert "Paris" not in ran
    runner.until_done()
    assert sorted(ran) == ["Paris", "Rome"]


# -- going on and ending -----------------------------------------------------------------------


SEARCH = ServerTool("web_search", {"query": "Paris"}, id="srvtoolu_1")
SUMMARY = Block({"type": "compaction", "content": "They talked about Paris."})


@pytest.mark.parametrize(
    ("reason", "said"), [("pause_turn", SEARCH), ("compaction", SUMMARY)], ids=["pause", "compact"]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_paused_is_gone_on_with(
    sim: Simulator, client: tailrace.Anthropic, reason: str, said: Any, stream: bool
) -> None:
    sim.script([said, Stop(reason)], "Done.")
    asked = ASKED | {"model": "claude-sonnet-4-5"}  # newer ones, simulated, end with a user message
    runner = client.messages.tool_runner(tools=[weather], stream=stream, **asked)
    assert runner.until_done().content[0].text == "Done."
    (paused,) = sim.requests[1].body["messages"][1:]
    assert paused["role"] == "assistant"
    assert [block["type"] for block in paused["content"]] == [
        "server_tool_use" if reason == "pause_turn" else "compaction"
    ]


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "refusal", "stop_sequence", "new"])
def test_any_other_stop_ends_the_loop_and_its_calls_are_not_run(
    sim: Simulator, client: tailrace.Anthropic, reason: str
) -> None:
    ran: list[str] = []
    sim.script([PARIS, Stop(reason)])
    runner = client.messages.tool_runner(tools=[counting(ran)], stream=True, **ASKED)
    assert runner.until_done().stop_reason == reason
    assert len(sim.requests) == 1
    assert ran == []
    ((_, told, failed),) = results(runner.messages)
    assert failed
    assert told.endswith(f"(stop reason: {reason}).")


def test_iterations_can_be_bounded(sim: Simulator, client: tailrace.Anthropic) -> None:
    sim.script([PARIS], [ROME])
    runner = client.messages.tool_runner(tools=[weather], max_iterations=2, **ASKED)
    assert [message.content[0].id for message in runner] == ["toolu_paris", "toolu_rome"]
    assert runner.messages[-1]["role"] == "assistant"
    with pytest.raises(RuntimeError, match="no request"):
        client.messages.tool_runner(tools=[], max_iterations=0, **ASKED).until_done()


def test_the_caller_can_add_messages_and_change_parameters(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    sim.script([PARIS], "Sunny.", "Bye.")
    runner = client.messages.tool_runner(tools=[weather], **ASKED)
    for message in runner:
        if message.stop_reason == "tool_use":
            runner.append_messages({"role": "user", "content": "Be brief."})
            runner.set_messages_params(lambda params: {**params, "max_tokens": 7})
            runner.add_tools(tailrace.tool(weather, name="forecast"))
        elif message.content[0].text == "Sunny.":
            runner.append_messages({"role": "user", "content": "And now?"})
            runner.remove_tools("weather")
    second, third = (one.body for one in sim.requests[1:])
    assert second["max_tokens"] == third["max_tokens"] == 7
    assert [tool["name"] for tool in second["tools"]] == ["weather", "forecast"]
    assert [tool["name"] for tool in third["tools"]] == ["forecast"]
    assert results(second["messages"], 2) == [("toolu_paris", "Paris: 21", False)]
    assert second["messages"][3]["content"] == "Be brief."
    assert third["messages"][-1]["content"] == "And now?"
    assert is_json(runner.messages)


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_way_to_change_results_adds_nothing_twice(
    sim: Simulator, client: tailrace.Anthropic, stream: bool
) -> None:
    ran: list[str] = []

    def weather(city: str) -> str:
        ran.append(city)
        return city

    sim.script([PARIS], "Sunny.")
    runner = client.messages.tool_runner(tools=[weather], stream=stream, **ASKED)
    for turn in runner:
        response = runner.generate_tool_call_response()
        assert runner.generate_tool_call_response() == response
        if response is not None:
            response["content"][0]["cache_control"] = {"type": "ephemeral"}
            message = turn.get_final_message() if stream else turn
            runner.append_messages(message, response)
    assert ran == ["Paris"]
    sent = sim.requests[1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[2]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_results_of_the_callers_own_are_not_run_for(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    sim.script([PARIS], "Sunny.")
    mine = {"type": "tool_result", "tool_use_id": "toolu_paris", "content": "Rain"}
    runner = client.messages.tool_runner(tools=[], **ASKED)
    for message in runner:
        if message.stop_reason == "tool_use":
            runner.append_messages(message, {"role": "user", "content": [mine]})
    assert sim.requests[1].body["messages"][2]["content"] == [mine]


def test_context_managers_are_opened_once_and_closed_at_the_end(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    seen: list[str] = []

    @tailrace.tool
    class Weather:
        """The weather of a city."""

        def __enter__(self) -> Weather:
            seen.append("open")
            return self

        def __exit__(self, *_: object) -> None:
            seen.append("close")

        def __call__(self, city: str) -> str:
            seen.append(city)
            return city

    call = [ToolUse("Weather", {"city": "Paris"}, id="toolu_1")]
    sim.script(call, [ToolUse("Weather", {"city": "Rome"}, id="toolu_2")], "Done.")
    client.messages.tool_runner(tools=[Weather], **ASKED).until_done()
    assert seen == ["open", "Paris", "Rome", "close"]


def test_an_async_context_manager_is_left_in_the_task_that_entered_it(sim: Simulator) -> None:
    tasks: list[Any] = []

    @tailrace.tool(input_schema={"type": "object", "properties": {}})
    class Weather:
        """The weather."""

        async def __aenter__(self) -> Weather:
            tasks.append(asyncio.current_task())
            return self

        async def __aexit__(self, *_: object) -> None:
            tasks.append(asyncio.current_task())

        async def __call__(self) -> str:
            return "fine"

    sim.script([ToolUse("Weather", id="toolu_1")], [ToolUse("Weather", id="toolu_2")], "Done.")
    runner = asyncio.run(run_async(sim, [Weather]))
    assert results(runner.messages, 2) == [("toolu_1", "fine", False)]
    entered, left = tasks
    assert entered is left


# -- thinking ----------------------------------------------------------------------------------

THOUGHT = Thinking("Paris first.", signature="c2lnbmF0dXJl")


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_goes_back_with_its_signature(
    sim: Simulator, client: tailrace.Anthropic, stream: bool
) -> None:
    sim.script([THOUGHT, PARIS], "Done.")
    client.messages.tool_runner(tools=[weather], stream=stream, **ASKED).until_done()
    assert sim.requests[1].body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Paris first.", "signature": "c2lnbmF0dXJl"},
        {
            "type": "tool_use",
            "id": "toolu_paris",
            "name": "weather",
            "input": {"city": "Paris"},
        },
    ]


def test_half_a_thought_is_left_out(sim: Simulator, client: tailrace.Anthropic) -> None:
    half = begins(
        2,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Then"},
    )
    sim.script([THOUGHT, PARIS, *half, Cut()])
    runner = client.messages.tool_runner(tools=[weather], stream=True, **ASKED)
    with pytest.raises(StreamTruncatedError) as caught:
        runner.until_done()
    assert caught.value.partial is not None
    assert [block.type for block in caught.value.partial.content][:2] == ["thinking", "tool_use"]
    kept = runner.messages[1]["content"]
    assert [block["type"] for block in kept] == ["thinking", "tool_use"]
    assert kept[0]["signature"] == "c2lnbmF0dXJl"


# -- nothing twice -----------------------------------------------------------------------------


def counting(ran: list[str]) -> Any:
    def weather(city: str) -> str:
        ran.append(city)
        return f"{city}: 21"

    return weather


@pytest.mark.parametrize("recovery", ["continue", "restart"])
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("how", ["error", "cut"])
def test_a_call_of_a_reply_that_broke_runs_once(
    sim: Simulator, client: tailrace.Anthropic, recovery: str, eager: bool, how: str
) -> None:
    ran: list[str] = []
    # Without the wait the error may come with the first content, and is then simply tried again.
    broken = BROKEN if how == "cut" else [PARIS, Wait(0.3), Error()]
    sim.script(broken, [PARIS] if recovery == "restart" and not eager else "Done.", "Done.")
    runner = client.messages.tool_runner(
        tools=[counting(ran)], stream=True, run_tools_eagerly=eager, recovery=recovery, **ASKED
    )
    assert runner.until_done().content[0].text == "Done."
    assert ran == ["Paris"]
    assert results(runner.messages, 2) == [("toolu_paris", "Paris: 21", False)]


def test_failures_before_the_first_content_are_repeated_within_the_loop(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    ran: list[str] = []
    sim.script([Error()], [PARIS], [Error()], "Done.")
    client.messages.tool_runner(tools=[counting(ran)], stream=True, **ASKED).until_done()
    assert ran == ["Paris"]
    assert len(sim.requests) == 4


RESUMED = """
import json, sys
import tailrace

url, messages = sys.argv[1], json.loads(sys.stdin.read())

def weather(city: str) -> str:
    print("ran", city)
    return city + ": 21"

with tailrace.Anthropic(base_url=url, api_key="k") as client:
    runner = client.messages.tool_runner(
        tools=[weather], model="claude-sonnet-5-5", max_tokens=1024, messages=messages
    )
    print(runner.until_done().content[0].text)
    json.dumps(runner.messages)
"""


def read_events(runner: tailrace.ToolRunner) -> None:
    for stream in runner:
        for _ in stream:
            assert is_json(runner.messages)


def leave(runner: tailrace.ToolRunner) -> None:
    with runner:
        next(runner).until_done()


READS = {"loop": tailrace.ToolRunner.until_done, "events": read_events, "left": leave}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("reads", list(READS))
def test_a_broken_conversation_goes_on_in_another_process(
    sim: Simulator, client: tailrace.Anthropic, eager: bool, reads: str
) -> None:
    ran: list[str] = []
    sim.script(BROKEN, "Done.")
    runner = client.messages.tool_runner(
        tools=[counting(ran)], stream=True, run_tools_eagerly=eager, **ASKED
    )
    with pytest.raises(StreamTruncatedError):
        READS[reads](runner)
    if reads == "events" and eager:
        assert runner.generate_tool_call_response() == runner.messages[-1]
    stored = json.dumps(runner.messages)
    done = subprocess.run(
        [sys.executable, "-c", RESUMED, sim.url],
        input=stored,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(tailrace.__file__).parents[1]), "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("Done.\n" if eager else "ran Paris\nDone.\n")
    assert ran == (["Paris"] if eager else [])
    sent = sim.requests[1].body["messages"]
    assert [block["id"] for block in sent[1]["content"]] == ["toolu_paris"]
    assert results(sent) == [("toolu_paris", "Paris: 21", False)]


def test_a_call_that_was_interrupted_is_not_run_again(sim: Simulator) -> None:
    ran: list[str] = []

    async def main() -> list[Any]:
        began = asyncio.Event()

        async def weather(city: str) -> str:
            ran.append(city)
            if city == "Paris":
                began.set()
                await asyncio.sleep(1000)
            return city

        async with tailrace.AsyncAnthropic(base_url=sim.url, api_key="k") as client:
            runner = client.messages.tool_runner(tools=[weather], max_parallel_tools=2, **ASKED)
            task = asyncio.create_task(runner.until_done())
            await began.wait()
            while len(ran) < 2:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(asyncio.all_tasks()) == 1
        return runner.messages

    sim.script([PARIS, ROME, ToolUse("weather", {"city": "Oslo"}, id="toolu_oslo")])
    stored = json.dumps(asyncio.run(main()))
    told = results(json.loads(stored))
    assert told[0] == (
        "toolu_paris",
        "This call was interrupted while it ran; what it did until then is not known.",
        True,
    )
    assert told[1] == ("toolu_rome", "Rome", False)


def test_a_reply_that_the_caller_stops_is_the_last_one(
    sim: Simulator, client: tailrace.Anthropic
) -> None:
    ran: list[str] = []
    sim.script([PARIS, Text("And so on"), Stall()])
    runner = client.messages.tool_runner(tools=[counting(ran)], stream=True, **ASKED)
    for stream in runner:
        for piece in stream.text_stream:
            assert piece
            stream.stop()
    assert len(sim.requests) == 1
    assert ran == []
    assert results(runner.messages)[0][1].endswith("(the caller stopped it).")
    assert is_json(runner.messages)


# -- the same in async code --------------------------------------------------------------------


@pytest.mark.parametrize("recovery", ["continue", "restart"])
@pytest.mark.parametrize("eager", [False, True])
def test_a_call_of_a_broken_reply_runs_once_in_async_code(
    sim: Simulator, recovery: str, eager: bool
) -> None:
    ran: list[str] = []
    sim.script(BROKEN, [PARIS] if recovery == "restart" and not eager else "Done.", "Done.")
    options = {"stream": True, "run_tools_eagerly": eager, "recovery": recovery}
    runner = asyncio.run(run_async(sim, [counting(ran)], **options))
    assert ran == ["Paris"]
    assert results(runner.messages, 2) == [("toolu_paris", "Paris: 21", False)]


@pytest.mark.parametrize("ends", [True, False])
def test_leaving_a_reply_stops_the_tools_it_started(sim: Simulator, ends: bool) -> None:
    seen: list[str] = []

    async def main() -> list[Any]:
        began = asyncio.Event()

        async def weather(city: str) -> str:
            began.set()
            try:
                if not ends:
                    await asyncio.sleep(1000)
            finally:
                seen.append(city)
            return city

        async with (
            tailrace.AsyncAnthropic(base_url=sim.url, api_key="k") as client,
            client.messages.tool_runner(
                tools=[weather], stream=True, run_tools_eagerly=True, **ASKED
            ) as runner,
        ):
            async for stream in runner:
                async for piece in stream.text_stream:
                    assert piece
                    async with asyncio.timeout(20):
                        await began.wait()  # while the reply stalls
                    break
                break
        assert len(asyncio.all_tasks()) == 1
        return runner.messages

    sim.script([PARIS, Text("Now let me think"), Stall()])
    messages = asyncio.run(main())
    assert seen == ["Paris"]
    assert sim.wait(1)[0].ended == "client left"
    ((_, told, failed),) = results(messages)
    assert (told == "Paris", failed) == (ends, not ends)
