from collections.abc import Callable
from typing import Any

import pytest

from tailrace.simulator.acts import Fail, Refuse, Text
from tailrace.simulator.ask import Ask
from tailrace.simulator.playbook import Playbook
from tailrace.simulator.scenario import Case, Match, Progress, Scenario

Body = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(), True),
        (Match(model="claude-sonnet-*"), True),
        (Match(model="claude-opus-*"), False),
        (Match(user="WEATHER in"), True),
        (Match(user="^weather"), False),
        (Match(system="brief"), True),
        (Match(tool="get_weather"), True),
        (Match(tool="other"), False),
        (Match(header={"X-Run": "4*"}), True),
        (Match(header={"x-none": "?*"}), False),
        (Match(turn=1), True),
        (Match(turn=2), False),
        (Match(stream=True), True),
        (Match(stream=False), False),
        (Match(tool_result="x"), False),
        (Match(model="claude-*", user="weather", turn=2), False),
    ],
)
def test_what_matches(body: Body, match: Match, fits: bool) -> None:
    tools = [{"name": "get_weather"}]
    asked = body("The weather in Rome?", tools=tools, system="Be brief.")
    assert match(Ask(asked, {"x-run": "42"})) is fits


def test_a_broken_pattern_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="user is no regular expression"):
        Match(user="(")


def test_a_case_needs_a_reply() -> None:
    with pytest.raises(ValueError, match="at least one reply"):
        Case([])


def told(scenario: Scenario, *asks: Ask) -> list[Any]:
    progress = Progress(scenario)
    return [progress.next(ask) for ask in asks]


def test_the_first_case_that_matches_answers(body: Body) -> None:
    scenario = Scenario([Case(["a"], Match(user="x")), Case(["b"])])
    assert told(scenario, Ask(body("x")), Ask(body("y"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("then", "replies"),
    [
        ("repeat", ["a", "b", "b", "b"]),
        ("start_over", ["a", "b", "a", "b"]),
        ("pass", ["a", "b", "c", "c"]),
    ],
)
def test_what_comes_after_the_last_reply(body: Body, then: Any, replies: list[str]) -> None:
    scenario = Scenario([Case(["a", "b"], then=then), Case(["c"])])
    assert told(scenario, *[Ask(body())] * 4) == replies


def test_each_case_counts_for_itself(body: Body) -> None:
    scenario = Scenario([Case(["a1", "a2"], Match(user="a")), Case(["b1", "b2"])])
    asks = [Ask(body(user)) for user in ("a", "x", "a", "x")]
    assert told(scenario, *asks) == ["a1", "b1", "a2", "b2"]


# -- the playbook


def test_the_queue_comes_first_then_the_scenario_then_the_answer(body: Body) -> None:
    book = Playbook("standing")
    ask = Ask(body())
    book.stand(Scenario([Case(["scenario"], then="pass")]))
    book.push(["one", Fail(529)])
    scripts = [book.next(ask) for _ in range(3)]
    assert scripts == [[Text("one")], [Fail(529)], [Text("scenario")]]
    assert book.left == 0


def test_without_a_case_the_standing_answer_is_heard(body: Body) -> None:
    book = Playbook("standing")
    book.stand(Scenario([Case(["x"], Match(user="never"))]))
    assert book.next(Ask(body())) == [Text("standing")]


def test_refused_connections_are_counted() -> None:
    book = Playbook("x")
    book.push([Refuse(2), [Refuse()], "a"])
    assert [book.refuses() for _ in range(4)] == [True, True, True, False]
    assert book.left == 1


def test_a_case_refuses_once_for_each_attempt(body: Body) -> None:
    scenario = Scenario([Case([[Refuse(2)], "a"])])
    assert told(scenario, *[Ask(body())] * 3) == [Refuse(), Refuse(), "a"]


def test_the_queue_can_be_dropped() -> None:
    book = Playbook("x")
    book.push(["a", "b"])
    book.clear()
    assert book.left == 0
