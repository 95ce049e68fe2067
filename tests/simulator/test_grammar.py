"""Scenarios in TOML."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from tailrace.simulator import acts, answers
from tailrace.simulator.acts import Act
from tailrace.simulator.grammar import ACTS, ScenarioError, load_scenario, parse_scenario
from tailrace.simulator.pace import Pace
from tailrace.simulator.quota import Quota
from tailrace.simulator.scenario import Case, Match, Scenario
from tailrace.simulator.simulator import Simulator


def one(act: str) -> Act:
    reply = parse_scenario(f"[[case]]\nreply = {act}").cases[0].replies[0]
    assert isinstance(reply, list)
    return reply[0]


SPELLED: list[tuple[str, Act]] = [
    ('{ text = "Hi" }', acts.Text("Hi")),
    ('{ text = "", pieces = ["a", "b"] }', acts.Text(pieces=["a", "b"])),
    ('{ text = "Hi", citations = [{ type = "x" }] }', acts.Text("Hi", [{"type": "x"}])),
    (
        '{ text = "Hi", tokens_per_second = 5, jitter = 0.5 }',
        acts.Text("Hi", pace=Pace(5.0, jitter=0.5)),
    ),
    (
        '{ text = "Hi", pace = { first_token = 1 }, tokens_per_second = 5 }',
        acts.Text("Hi", pace=Pace(5.0, 1.0)),
    ),
    ('{ template = "You: {{user}}" }', acts.Template("You: {{user}}")),
    ('{ thinking = "Hm", signature = "s" }', acts.Thinking("Hm", "s")),
    ('{ redacted_thinking = "abc" }', acts.RedactedThinking("abc")),
    ('{ tool = "f", input = { a = 1 }, fragment = 3 }', acts.ToolUse("f", {"a": 1}, fragment=3)),
    ('{ tool = "f", raw_input = "{" }', acts.ToolUse("f", raw_input="{")),
    ('{ server_tool = "web_search", result = [] }', acts.ServerTool("web_search", result=[])),
    ('{ block = { type = "x" }, deltas = [{}] }', acts.Block({"type": "x"}, [{}])),
    ('{ stop = "refusal", details = { a = 1 } }', acts.Stop("refusal", details={"a": 1})),
    ("{ usage = { output_tokens = 5 } }", acts.Usage({"output_tokens": 5})),
    ('{ message = { model = "x" } }', acts.Message({"model": "x"})),
    ('{ event = { type = "x" }, name = "y" }', acts.Event({"type": "x"}, "y")),
    ('{ event = "text" }', acts.Event("text")),
    ("{ ping = 3, every = 0.5 }", acts.Ping(3, 0.5)),
    ('{ comment = "x" }', acts.Comment("x")),
    ('{ error = "api_error", message = "Oh" }', acts.Error("api_error", "Oh")),
    ('{ bytes = "é", after = 1 }', acts.Bytes("é".encode(), 1.0)),
    ('{ hex = "ff 00", framing = false }', acts.Bytes(b"\xff\x00", framing=False)),
    ("{ garbage = 9 }", acts.Garbage(9)),
    ("{ wait = 1 }", acts.Wait(1.0)),
    ("{ stall = true }", acts.Stall()),
    ('{ cut = "reset", after_bytes = 812 }', acts.Cut("reset", after_bytes=812)),
    ('{ head = { x-a = "b" }, status = 206 }', acts.Head({"x-a": "b"}, 206)),
    (
        '{ status = 529, retry_after = 1, message = "m", type = "t" }',
        acts.Fail(529, "t", "m", retry_after=1.0),
    ),
    ("{ slow_headers = 2, drip = true }", acts.SlowHeaders(2.0, True)),
    ("{ refuse = 2 }", acts.Refuse(2)),
    ("{ split = 7 }", acts.Split(7)),
    ("{ split = [1, 9] }", acts.Split((1, 9))),
    ('{ split = "lines" }', acts.Split("lines")),
    ("{ together = 4 }", acts.Together(4)),
]


@pytest.mark.parametrize(("text", "act"), SPELLED)
def test_how_an_act_is_spelled(text: str, act: Act) -> None:
    assert one(text) == act


def test_every_act_can_be_spelled() -> None:
    concrete = {kind for kind in vars(acts).values() if isinstance(kind, type)}
    concrete = {kind for kind in concrete if issubclass(kind, Act) and kind is not Act}
    assert {kind for kind, _ in ACTS.values()} == concrete
    spelled = {type(act) for _, act in SPELLED} | {acts.Recording}
    assert spelled == concrete


def test_a_recording_is_read_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(b"data: 1\n\n")
    (tmp_path / "s.toml").write_text('[[case]]\nreply = { recording = "a.sse", first_token = 1 }')
    scenario = load_scenario(tmp_path / "s.toml")
    assert scenario.cases[0].replies == [[acts.Recording(b"data: 1\n\n", Pace(first_token=1.0))]]


def test_a_whole_scenario() -> None:
    text = """
        name = "weather"
        seed = 7
        pace = { tokens_per_second = 80 }
        quota = { requests_per_minute = 9 }

        [[case]]
        when = { user = "weather", turn = 1, header = { x-run = "4*" } }
        reply = [{ thinking = "Hm" }, { text = "Sunny." }]

        [[case]]
        replies = ["Hello", { status = 500 }, { answer = "echo" }]
        then = "start_over"
    """
    assert parse_scenario(text) == Scenario(
        [
            Case(
                [[acts.Thinking("Hm"), acts.Text("Sunny.")]],
                Match(user="weather", turn=1, header={"x-run": "4*"}),
            ),
            Case(["Hello", [acts.Fail(500)], answers.echo], then="start_over"),
        ],
        "weather",
        Pace(80.0),
        Quota(9),
        7,
    )


@pytest.mark.parametrize(
    ("text", "line", "key", "problem"),
    [
        ("x = ", 1, "", "Invalid value"),
        ("nmae = 1", 1, "nmae", "unknown key; did you mean 'name'?"),
        ("zzz = 1", 1, "zzz", "unknown key; known are 'name', 'seed', 'pace', 'quota', 'case'"),
        ("seed = 'x'", 1, "seed", "expected an integer"),
        ("pace = { jitter = 2 }", 1, "pace", "jitter must be between 0 and 1, not 2.0"),
        ("\npace = { jitter = 'x' }", 2, "pace.jitter", "expected 'float', got 'str'"),
        ("[case]\nreply = 'x'", 1, "case", "write [[case]], with two brackets"),
        ("[[case]]\n", 1, "case[0]", "a case has either `reply` or `replies`"),
        ("[[case]]\nreplies = 'x'", 2, "case[0].replies", "expected a list of replies"),
        ("[[case]]\nreplies = []", 1, "case[0]", "a case needs at least one reply"),
        ("[[case]]\nreply = 5", 2, "case[0].reply", "a reply is a text, an act or a list of acts"),
        (
            "[[case]]\nreply = 'x'\nthen = 'maybe'",
            3,
            "case[0].then",
            "expected 'repeat', 'start_over' or 'pass'",
        ),
        (
            "[[case]]\nreply = 'x'\nwhen = { modle = 'x' }",
            3,
            "case[0].when.modle",
            "unknown key; did you mean 'model'?",
        ),
        (
            "[[case]]\nreply = 'x'\nwhen = { user = '(' }",
            3,
            "case[0].when",
            "user is no regular expression: ",
        ),
        (
            "[[case]]\nreply = [\n { text = 'a' },\n { txet = 'b' },\n]",
            4,
            "case[0].reply[1]",
            "no key of it names an act; did you mean 'text'?",
        ),
        (
            "[[case]]\nreply = { text = 'a', wait = 1 }",
            2,
            "case[0].reply",
            "an act is one thing, not text and wait; write two acts",
        ),
        ("[[case]]\nreply = ['a']", 2, "case[0].reply[0]", "an act is a table, such as"),
        (
            "[[case]]\nreply = [\n {wait = 1},\n {wait = 'x'}]",
            4,
            "case[0].reply[1].wait",
            "expected 'float', got 'str'",
        ),
        (
            "[[case]]\nreply = { cut = 'rest' }",
            2,
            "case[0].reply.cut",
            "invalid enum value 'rest'",
        ),
        (
            "[[case]]\nreply = { text = 'a', tokens_per_secnod = 1 }",
            2,
            "case[0].reply.tokens_per_secnod",
            "unknown key; did you mean 'tokens_per_second'?",
        ),
        (
            "[[case]]\nreply = { cut = 'end', after_bytes = -1 }",
            2,
            "case[0].reply",
            "after_bytes must be at least 0, not -1",
        ),
        (
            "[[case]]\nreply = { template = '{{usr}}' }",
            2,
            "case[0].reply.template",
            "unknown name {{usr}} in a template",
        ),
        ("[[case]]\nreply = { stall = 5 }", 2, "case[0].reply.stall", "write stall = true"),
        ("[[case]]\nreply = { hex = 'xy' }", 2, "case[0].reply.hex", "non-hexadecimal number"),
        (
            "[[case]]\nreply = { recording = 'none.sse' }",
            2,
            "case[0].reply.recording",
            "cannot be read: No such file or directory",
        ),
        (
            "[[case]]\nreply = { answer = 'ecko' }",
            2,
            "case[0].reply.answer",
            "expected one of 'canned', 'echo'",
        ),
    ],
)
def test_an_error_names_file_line_and_key(text: str, line: int, key: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "s.toml")
    error = caught.value
    assert (error.file, error.line, error.key) == ("s.toml", line, key)
    assert error.problem.startswith(problem)
    assert str(error).startswith(f"s.toml:{line}: {key}")


def test_the_error_can_be_copied_and_pickled() -> None:
    error = ScenarioError("f", 1, "k", "p")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(twin), twin.key) == ("f:1: k: p", "k")


def test_a_scenario_in_python(tmp_path: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text("from tailrace.simulator import *\nscenario = Scenario([Case(['Hi'])])")
    assert load_scenario(file) == Scenario([Case(["Hi"])])
    file.write_text("other = 1")
    with pytest.raises(ScenarioError, match="no Scenario of the name `scenario`"):
        load_scenario(file)


def test_a_scenario_plays(sim: Simulator, connect: Any, body: Any) -> None:
    text = """
        [[case]]
        replies = [{ status = 529 }, [{ text = "Half a" }, { cut = "end" }], "Whole."]
    """
    sim.answer_with(parse_scenario(text))
    wire = connect()
    told = [wire.send(body()).answer() for _ in range(4)]
    assert [answer.status for answer in told] == [529, 200, 200, 200]
    assert [answer.text for answer in told[1:]] == ["Half a", "Whole.", "Whole."]
    assert "message_stop" not in told[1].kinds


def test_a_scenario_sets_pace_quota_and_seed() -> None:
    text = "pace = { first_token = 9 }\nquota = { requests_per_minute = 2 }\nseed = 4"
    api = Simulator(parse_scenario(text)).api
    assert (api._manner.pace, api._metered, api._seed) == (Pace(first_token=9.0), True, 4)
    api = Simulator(parse_scenario(text), pace=Pace(5), seed=0).api
    assert (api._manner.pace, api._seed) == (Pace(5), 0)
