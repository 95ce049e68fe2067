"""`tailrace "a prompt"`, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.simulator import Cut, Event, Fail, Head, Simulator, Stall, Stop, Text, ToolUse

LAST_LINE = re.compile(r"\d+ tokens in · \d+ out · first after \d+\.\d\d s( · \d+ tokens/s)?\n")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator("Hello to you.") as simulator:
        yield simulator


def environment(sim: Simulator | None, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC")}
    return clean | {"PYTHONIOENCODING": "utf-8"} | (sim.environment if sim else {}) | more


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "tailrace", *arguments]


def tailrace(
    *arguments: str, sim: Simulator | None = None, stdin: bytes = b"", **more: str
) -> tuple[int, str, str]:
    """The exit code, and what stood on stdout and stderr."""
    done = subprocess.run(
        command(*arguments),
        env=environment(sim, **more),
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_reply_is_printed_and_what_it_took(sim: Simulator) -> None:
    code, out, err = tailrace("Hi", sim=sim)
    assert (code, out) == (0, "Hello to you.\n")
    assert LAST_LINE.fullmatch(err), err


def test_the_built_in_simulator_needs_no_key() -> None:
    code, out, err = tailrace("--sim", "Write a haiku")
    assert code == 0
    assert out.startswith("I knock on a door")
    assert LAST_LINE.fullmatch(err), err


def test_several_words_are_one_prompt(sim: Simulator) -> None:
    tailrace("Why", "is", "it?", sim=sim)
    assert sim.requests[0].ask.user == "Why is it?"


def test_the_options_arrive(sim: Simulator) -> None:
    tailrace("-m", "claude-haiku-4-5", "--max-tokens", "7", "-s", "Be brief.", "Hi", sim=sim)
    body = sim.requests[0].body
    assert (body["model"], body["max_tokens"], body["system"]) == (
        "claude-haiku-4-5",
        7,
        "Be brief.",
    )


def test_without_options_the_system_prompt_is_left_out(sim: Simulator) -> None:
    tailrace("Hi", sim=sim)
    assert sim.requests[0].body.keys() == {"model", "max_tokens", "messages", "stream"}


def test_the_base_url_can_be_given(sim: Simulator) -> None:
    code, out, _ = tailrace("--base-url", sim.url, "Hi", ANTHROPIC_API_KEY="any")
    assert (code, out) == (0, "Hello to you.\n")


def test_piped_input_is_the_prompt(sim: Simulator) -> None:
    tailrace(sim=sim, stdin="Grüße\n".encode())
    assert sim.requests[0].ask.user == "Grüße"


def test_piped_input_is_added_to_the_prompt(sim: Simulator) -> None:
    tailrace("Summarise:", sim=sim, stdin=b"a diff\n")
    assert sim.requests[0].ask.user == "Summarise:\n\na diff"


def test_piped_bytes_that_are_no_text_are_replaced(sim: Simulator) -> None:
    assert tailrace("Hi", sim=sim, stdin=b"caf\xe9")[0] == 0
    assert sim.requests[0].ask.user == "Hi\n\ncaf\ufffd"


def test_without_a_prompt_it_says_how() -> None:
    code, out, err = tailrace(sim=None)
    assert (code, out) == (2, "")
    assert err.startswith("usage: tailrace")
    assert "no prompt" in err


def test_without_a_key_it_says_what_to_do() -> None:
    code, out, err = tailrace("Hi")
    assert (code, out) == (2, "")
    assert "ANTHROPIC_API_KEY" in err
    assert "--sim" in err


def test_an_empty_key_is_no_key() -> None:
    assert tailrace("Hi", ANTHROPIC_API_KEY="")[0] == 2


def test_json_gives_the_events_line_by_line(sim: Simulator) -> None:
    code, out, err = tailrace("--json", "Hi", sim=sim)
    events: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    kinds = [event["type"] for event in events]
    assert list(dict.fromkeys(kinds)) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[-1]["message"]["content"] == [{"type": "text", "text": "Hello to you."}]
    assert code == 0
    assert LAST_LINE.fullmatch(err), err


def test_json_passes_unknown_events_on_and_is_utf_8(sim: Simulator) -> None:
    sim.script([Text("👋"), Event({"type": "brand_new", "data": 1})])
    _, out, _ = tailrace("--json", "Hi", sim=sim, PYTHONIOENCODING="ascii")
    assert '"text":"👋"' in out
    assert '{"type":"brand_new","data":1}\n' in out


def test_json_grows_with_the_reply_and_not_with_its_square(sim: Simulator) -> None:
    sim.script([Text(pieces=["0123456789"] * 500)])
    code, out, _ = tailrace("--json", "--max-tokens", "50000", "Hi", sim=sim)
    assert code == 0
    assert out.count("content_block_delta") == 500
    assert len(out) < 500 * 200


def test_a_terminal_that_cannot_show_a_character_gets_another(sim: Simulator) -> None:
    sim.script("Hi 👋")
    code, out, _ = tailrace("Hi", sim=sim, PYTHONIOENCODING="ascii")
    assert (code, out) == (0, "Hi ?\n")


def test_control_characters_do_not_reach_the_terminal(sim: Simulator) -> None:
    sim.script([Text(pieces=["a\x1b[2J", "b\tc\n"])])
    assert tailrace("Hi", sim=sim)[1] == "a\ufffd[2Jb\tc\n\n"


def test_an_unusual_end_is_named(sim: Simulator) -> None:
    sim.script([Text("Hello"), Stop("max_tokens")])
    assert tailrace("Hi", sim=sim)[2].endswith(" · stopped: max_tokens\n")


def test_a_reply_without_text_ends_well(sim: Simulator) -> None:
    sim.script([ToolUse("look", {})])
    code, out, err = tailrace("Hi", sim=sim)
    assert (code, out) == (0, "")
    assert "stopped: tool_use" in err


def test_a_cut_reply_is_an_error_and_what_came_stays(sim: Simulator) -> None:
    sim.script([Text("Half of a"), Cut("end")])
    code, out, err = tailrace("Hi", sim=sim)
    assert (code, out) == (1, "Half of a\n")
    assert err.startswith("tailrace: The reply was cut: ")
    assert err.count("\n") == 1


def test_what_the_api_says_against_it_is_shown(sim: Simulator) -> None:
    sim.script(Fail(400, message="max_tokens: too many"))
    code, out, err = tailrace("Hi", sim=sim)
    assert (code, out) == (1, "")
    assert err.startswith("tailrace: Error code: 400")
    assert "max_tokens: too many" in err


def test_an_address_that_cannot_be_is_an_error_in_one_line() -> None:
    code, _, err = tailrace("--base-url", "claude", "Hi", ANTHROPIC_API_KEY="any")
    assert code == 1
    assert err == "tailrace: base_url must be an http:// or https:// address, not 'claude'\n"


def test_failed_tries_are_repeated(sim: Simulator) -> None:
    sim.script(Fail(529, headers={"retry-after-ms": "1"}))
    assert tailrace("Hi", sim=sim)[:2] == (0, "Hello to you.\n")


def started(sim: Simulator, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments),
        env=environment(sim),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Who was started in the background by a shell ignores Ctrl-C, and so would its children.
        preexec_fn=None if sys.platform == "win32" else heed_ctrl_c,
    )


def heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_ctrl_c_keeps_what_came(sim: Simulator) -> None:
    sim.script([Text("Half of a"), Stall()])
    process = started(sim, "Hi")
    assert process.stdout is not None
    assert process.stdout.read(9) == b"Half of a"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"\n", b"")
    assert sim.wait(1)[0].ended == "client left"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_ctrl_c_before_the_first_word(sim: Simulator) -> None:
    sim.script([Head(), Stall()])
    process = started(sim, "Hi")
    while not sim.requests:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise on Windows")
def test_nobody_reading_is_no_news(sim: Simulator) -> None:
    sim.script([Text(pieces=["Hello\n"] * 20_000)])
    with started(sim, "--max-tokens", "50000", "Hi") as process:  # more than a pipe holds
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(6) == b"Hello\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_the_version_and_the_help() -> None:
    code, out, _ = tailrace("--version")
    assert code == 0
    assert re.fullmatch(r"tailrace \d+\.\d+\.\d+\S*\n", out)
    code, out, _ = tailrace("--help")
    assert code == 0
    assert "tailrace sim" in out
