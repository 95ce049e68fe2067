"""Going on from the events of a reply: what is asked, and what comes of the answer."""

from __future__ import annotations

import json

import pytest

from tailrace import AsyncAnthropic
from tailrace.core.accumulate import Accumulator
from tailrace.core.events import wire_event
from tailrace.relay.errors import GenerationInterruptedError
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.relay import Relay
from tailrace.relay.source import Claude
from tailrace.simulator import Simulator, Text, Thinking, ToolUse

from .scripted import BEGINNING, ENDING, PARAMS, QUICK, Script, collect, delta, text_of

TRUTH = "The quick brown fox jumps over the lazy dog and runs away."
MODELS = ("claude-sonnet-4-5", "claude-sonnet-4-6")


def message(events) -> dict:
    accumulator = Accumulator()
    for event in events:
        accumulator.apply(wire_event(json.loads(json.dumps(event))))
    accumulator.finish()
    return accumulator.snapshot().to_dict()


class Going:
    """Claude, in the simulator; what it is asked, and what it says after a question to go on."""

    def __init__(self, answer) -> None:
        self.sim = Simulator(answer)

    def __enter__(self):
        self.sim.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.sim.__exit__(*error)

    async def all_of(self, params, so_far=()) -> list[dict]:
        async with AsyncAnthropic(base_url=self.sim.url, api_key="any", max_retries=0) as client:
            return [dict(event) async for event in Claude(client)(params, so_far)]


def rest_of(ask) -> str:
    """A Claude that goes on with the fox, and repeats the last words first."""
    if len(ask.messages) == 1:
        return TRUTH
    said = next(m["content"] for m in ask.messages if m["role"] == "assistant")[0]["text"]
    assert TRUTH.startswith(said)
    return TRUTH[len(said) - (12 if len(said) >= 12 else 0) :]  # ten in a row are a repetition


@pytest.mark.parametrize("model", MODELS)
def test_from_every_event_the_text_goes_on_exactly(run, model) -> None:
    params = {**PARAMS, "model": model}

    async def main() -> None:
        with Going(rest_of) as claude:
            whole = await claude.all_of(params)
            deltas = [n for n, event in enumerate(whole) if event["type"] == "content_block_delta"]
            assert len(deltas) > 5
            for cut in range(1, len(whole) + 1):
                events = [*whole[:cut], *await claude.all_of(params, whole[:cut])]
                complete = message(events)
                assert "".join(block["text"] for block in complete["content"]) == TRUTH, cut
                assert complete["id"] == whole[0]["message"]["id"]
                assert complete["stop_reason"] == "end_turn"
                assert sum(event["type"] == "message_start" for event in events) == 1
                if cut <= deltas[-1]:
                    assert len(complete["content"]) == 1, "the open block goes on"

    run(main())


def test_the_usage_is_added_up_and_marked(run) -> None:
    params = {**PARAMS, "model": MODELS[1]}

    async def main() -> None:
        with Going(rest_of) as claude:
            whole = await claude.all_of(params)
            first = message(whole)["usage"]
            rest = await claude.all_of(params, whole[:8])
            usage = next(event for event in rest if event["type"] == "message_delta")["usage"]
            assert usage["certainty"] == "lower_bound"
            asked_again = claude.sim.requests[-1]
            assert len(asked_again.body["messages"]) == 3
            begun = whole[0]["message"]["usage"]
            assert usage["input_tokens"] > 2 * begun["input_tokens"], "two requests' input"
            assert usage["output_tokens"] > begun["output_tokens"]
            assert "certainty" not in first

    run(main())


@pytest.mark.parametrize(
    ("script", "before", "why"),
    [
        ([Thinking("Let me think about it."), Text("Yes.")], "content_block_stop", "thinking"),
        ([ToolUse("look", {"at": "it"})], "content_block_stop", "type tool_use"),
        ([ToolUse("look", {"at": "it"})], "message_delta", "after a tool call"),
    ],
)
def test_where_there_is_no_going_on_it_says_why(run, script, before, why) -> None:
    async def main() -> None:
        with Going(script) as claude:
            whole = await claude.all_of({**PARAMS, "model": MODELS[1]})
            cut = next(n for n, event in enumerate(whole) if event["type"] == before)
            assert why in (Claude().refuses(PARAMS, whole[:cut]) or "")
            with pytest.raises(ValueError, match=why):
                await claude.all_of(PARAMS, whole[:cut])
            assert len(claude.sim.requests) == 1, "nothing was asked"

    run(main())


def test_what_is_complete_needs_no_asking(run) -> None:
    so_far = [*BEGINNING, delta("a"), *ENDING[:2]]

    async def main() -> None:
        assert [event async for event in Claude()(PARAMS, so_far)] == []

    run(main())


class Refusing(Script):
    """A source that cannot go on."""

    def refuses(self, params, so_far):
        return f"no going on after {len(so_far)} events"


def test_a_refusal_interrupts_with_its_reason(run) -> None:
    async def main() -> None:
        journal, source = MemoryJournal(), Refusing(*BEGINNING, delta("a"), 60)
        dead, alive = (
            Relay(journal, source=source, on_crash="continue", **QUICK) for _ in range(2)
        )
        generation = await dead.start(PARAMS)
        following = generation.follow()
        events = [await anext(following) for _ in range(3)]
        await dead.close()
        found = (await alive.find(generation.id)).follow()
        seen: list = []
        with pytest.raises(GenerationInterruptedError, match="no going on after 3 events"):
            await collect(found, seen)
        assert text_of(seen) == text_of(events) == "a"
        assert alive.metrics.recoveries["refused"] == 1
        assert len(source.asked) == 1
        await alive.close()

    run(main())
