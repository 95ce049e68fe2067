"""Structured output over real HTTP, while it streams and at its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest

import tailrace
from tailrace import OutputParseError
from tailrace.simulator import Cut, Simulator, Stop, Text

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Who is there?"}],
}


@dataclass
class Person:
    name: str
    age: int


@dataclass
class People:
    people: list[Person]


class PersonDict(TypedDict):
    name: str
    age: int


class PeopleDict(TypedDict):
    people: list[PersonDict]


class PersonStruct(msgspec.Struct):
    name: str
    age: int


class PeopleStruct(msgspec.Struct):
    people: list[PersonStruct]


class PersonModel(pydantic.BaseModel):
    name: str
    age: int


class PeopleModel(pydantic.BaseModel):
    people: list[PersonModel]


KINDS: list[tuple[Any, Any]] = [
    (People, Person),
    (PeopleDict, PersonDict),
    (PeopleStruct, PersonStruct),
    (PeopleModel, PersonModel),
]
TOLD = '{"people": [{"name": "Ada", "age": 36}, {"name": "Grace", "age": 85}]}'
PIECES = Text(pieces=list(TOLD))


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[tailrace.Anthropic]:
    with tailrace.Anthropic(base_url=sim.url, api_key="k") as client:
        yield client


def expected(whole: Any, part: Any) -> Any:
    return whole(people=[part(name="Ada", age=36), part(name="Grace", age=85)])


@pytest.mark.parametrize(("whole", "part"), KINDS)
def test_every_kind_of_type(
    sim: Simulator, client: tailrace.Anthropic, whole: Any, part: Any
) -> None:
    sim.script([PIECES], [PIECES])
    value = expected(whole, part)
    with client.messages.stream(output_format=whole, **ASKED) as stream:
        assert stream.partial_output is None
        names: list[Any] = []
        for _ in stream.text_stream:
            partial = stream.partial_output
            if whole is PeopleDict:
                names.append([one.get("name") for one in partial.get("people", [])])
            else:
                assert isinstance(partial, whole)
                names.append([one.name for one in partial.people or []])
        assert stream.get_final_message().parsed_output == value
    assert ["Ad"] in names
    assert names[-1] == ["Ada", "Grace"]
    message = client.messages.parse(output_format=whole, **ASKED)
    assert message.parsed_output == value
    schema = sim.requests[0].body["output_config"]["format"]
    assert schema["type"] == "json_schema"
    assert schema["schema"]["properties"]["people"]["type"] == "array"
    assert sim.requests[1].body["output_config"]["format"] == schema


@pytest.mark.parametrize(("whole", "part"), KINDS)
def test_items_come_one_by_one(
    sim: Simulator, client: tailrace.Anthropic, whole: Any, part: Any
) -> None:
    sim.script([PIECES])
    seen: list[tuple[Any, int]] = []
    with client.messages.stream(output_format=whole, **ASKED) as stream:
        for item in stream.items("people"):
            text = stream.current_message_snapshot.content[0].text
            seen.append((item, len(text)))
    first, second = TOLD.index("}"), TOLD.index("}", TOLD.index("}") + 1)
    assert seen == [
        (part(name="Ada", age=36), first + 1),
        (part(name="Grace", age=85), second + 1),
    ]


def test_items_are_there_in_async_code_and_without_a_type(sim: Simulator) -> None:
    async def main() -> list[Any]:
        async with (
            tailrace.AsyncAnthropic(base_url=sim.url, api_key="k") as client,
            client.messages.stream(**ASKED) as stream,
        ):
            return [item async for item in stream.items(("people",))]

    sim.script([PIECES])
    assert asyncio.run(main()) == json.loads(TOLD)["people"]


WRONG = [
    ([Text('{"people": [{"name": "Ada", "age": "old"}]}')], "people", "end_turn"),
    ([Text(TOLD[:40]), Stop("max_tokens")], "not JSON", "max_tokens"),
    ([Text("I would rather not."), Stop("refusal")], "not JSON", "refusal"),
]


@pytest.mark.parametrize("method", ["stream", "parse"])
@pytest.mark.parametrize(("script", "told", "reason"), WRONG)
def test_output_that_does_not_fit_raises_after_the_stream(
    sim: Simulator, client: tailrace.Anthropic, script: Any, told: str, reason: str, method: str
) -> None:
    sim.script(script)

    def read() -> None:
        if method == "parse":
            client.messages.parse(output_format=People, **ASKED)
            return
        with client.messages.stream(output_format=People, **ASKED) as stream:
            assert "".join(stream.text_stream) == script[0].text  # all of it, and no error
            stream.get_final_message()

    with pytest.raises(OutputParseError, match=told) as caught:
        read()
    message = caught.value.final_message
    assert message is not None
    assert (message.stop_reason, message.content[0].text) == (reason, script[0].text)


def test_a_cut_reply_is_no_output(sim: Simulator, client: tailrace.Anthropic) -> None:
    sim.script([Text(TOLD), Cut("close")])
    with (
        client.messages.stream(output_format=People, **ASKED) as stream,
        pytest.raises(tailrace.StreamTruncatedError),
    ):
        stream.get_final_message()


def test_looking_at_every_event_is_linear(sim: Simulator, client: tailrace.Anthropic) -> None:
    people = [{"name": f"Person {at}", "age": at} for at in range(50)]
    sim.script(json.dumps({"people": people}))
    made: set[int] = set()
    kept: list[Any] = []
    with client.messages.stream(output_format=People, **ASKED) as stream:
        for _ in stream.text_stream:
            partial = stream.partial_output
            for one in ((partial and partial.people) or [])[:-1]:
                made.add(id(one))
                kept.append(one)
    assert len(made) == 49  # each finished element once, however often it was looked at
