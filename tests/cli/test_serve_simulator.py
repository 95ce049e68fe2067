"""`tailrace sim`, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.parts import program

import tailrace
from tailrace.cli.serve_simulator import PACE, _pace, parser
from tailrace.core.framing import encode
from tailrace.simulator import Pace, Scenario
from tailrace.transports import tls

RECORDED = "".join(
    encode(None, data).decode()
    for data in (
        '{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Recorded."}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
        '{"type":"message_stop"}',
    )
)


FAST = ("sim", "--port", "0", "--first-token", "0", "--tokens-per-second", "1000")


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "tailrace", *words]


@contextmanager
def serving(
    *words: str, end: signal.Signals = signal.SIGTERM, code: int = 0
) -> Iterator[tuple[str, list[str]]]:
    """The address a command names first, and what it has printed once it is over."""
    printed: list[str] = []
    with subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            printed.append(process.stdout.readline())
            found = re.search(r"https?://127\.0\.0\.1:\d+", printed[0])
            assert found, process.communicate()
            yield found[0], printed
        finally:
            process.send_signal(end)
        printed += process.stdout
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == code


def served(
    *arguments: str, end: signal.Signals = signal.SIGTERM
) -> AbstractContextManager[tuple[str, list[str]]]:
    """`tailrace sim`, without waiting."""
    return serving(*FAST, *arguments, end=end)


def ask(url: str, key: str = "any", prompt: str = "Hi") -> str:
    with (
        tailrace.Anthropic(base_url=url, api_key=key) as client,
        client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=100,
            messages=[{"role": "user", "content": prompt}],
        ) as stream,
    ):
        return stream.get_final_text()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_it_serves_until_it_is_ended(end: signal.Signals) -> None:
    with served("--text", "Hello to you.", end=end) as (url, printed):
        assert ask(url) == "Hello to you."
    assert f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any\n" in printed
    assert re.fullmatch(r"POST /v1/messages -> 200, \d+ bytes, end\n", printed[-1])


def test_it_ends_while_a_reply_is_under_way() -> None:
    with served("--text", "word " * 20_000) as (url, _):
        address = re.split("[/:]+", url)
        client = socket.create_connection((address[1], int(address[2])))
        message = {"role": "user", "content": "Hi"}
        asked = {"model": "m", "max_tokens": 100_000, "stream": True, "messages": [message]}
        body = json.dumps(asked).encode()
        client.sendall(
            b"POST /v1/messages HTTP/1.1\r\nhost: sim\r\nx-api-key: k\r\n"
            b"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert client.recv(12) == b"HTTP/1.1 200"
    client.close()


def test_it_serves_on_when_nobody_reads_what_it_says() -> None:
    with subprocess.Popen(
        command("sim", "--port", "0", "--text", "Hello", "--first-token", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        process.stdout.close()
        assert found
        assert [ask(found[0]), ask(found[0])] == ["Hello", "Hello"]
        process.terminate()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_echo() -> None:
    with served("--echo") as (url, _):
        assert ask(url, prompt="Say this") == "Say this"


def test_recordings(tmp_path: Path) -> None:
    (tmp_path / "one.sse").write_text(RECORDED)
    with served("--recordings", str(tmp_path)) as (url, _):
        assert ask(url) == "Recorded."


def test_only_the_given_keys_are_accepted() -> None:
    with served("--key", "right", "--text", "Hello") as (url, _):
        assert ask(url, key="right") == "Hello"
        with pytest.raises(tailrace.AuthenticationError):
            ask(url, key="wrong")


def refused(*arguments: str) -> str:
    done = subprocess.run(command("sim", *arguments), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_port_in_use_is_an_error_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused("--port", str(port))
    where = f"tailrace sim: cannot serve on 127.0.0.1:{port} ("
    assert line.startswith(where), line
    assert line.endswith("); --port 0 takes a free port\n")


def test_a_port_that_cannot_be_is_an_error_in_one_line() -> None:
    assert refused("--port", "70000").count("\n") == 1


def test_a_pace_that_cannot_be_is_an_error_in_one_line() -> None:
    assert refused("--tokens-per-second", "0").startswith("tailrace sim: tokens_per_second must")


def test_a_folder_without_recordings_is_an_error_in_one_line(tmp_path: Path) -> None:
    line = refused("--recordings", str(tmp_path))
    assert line == f"tailrace sim: there are no .sse files in {tmp_path}{os.linesep}"


SCENARIO = """
seed = 7
pace = { tokens_per_second = 5000 }

[[case]]
when = { user = "weather" }
reply = "It rains."

[[case]]
replies = [[{ status = 529, headers = { "retry-after-ms" = "1" } }], "Second time."]
"""


def test_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(SCENARIO)
    with serving("sim", "--port", "0", "--scenario", str(tmp_path / "two.toml")) as (url, printed):
        assert ask(url, prompt="What is the weather?") == "It rains."
        assert ask(url) == "Second time."
    assert [line.split()[3] for line in printed if line.startswith("POST")] == [
        "200,",
        "529,",
        "200,",
    ]


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ('[[case]]\nreply = [{ txt = "Hi" }]\n', ":2: case[0].reply[0]: no key of it names"),
        ("[[case]]\nreply = \n", ":2: "),
        ("sed = 1\n", ":1: sed: unknown key; did you mean 'seed'?"),
    ],
)
def test_a_wrong_scenario_is_an_error_that_says_where(
    scenario: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(scenario)
    line = refused("--scenario", str(file))
    assert line.startswith(f"tailrace sim: {file}{says}"), line
    assert line.count("\n") == 1


def test_a_scenario_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    assert refused("--scenario", str(tmp_path / "none.toml")).count("\n") == 1


@pytest.mark.parametrize(
    ("own", "words", "expected"),
    [
        (None, [], PACE),
        (None, ["--jitter", "0.5"], Pace(50.0, 0.3, 0.5)),
        (Pace(9.0), [], Pace(9.0)),
        (Pace(9.0, 2.0), ["--first-token", "0"], Pace(9.0, 0.0)),
    ],
)
def test_options_change_the_pace_of_the_scenario(
    own: Pace | None, words: list[str], expected: Pace
) -> None:
    assert _pace(parser().parse_args(words), Scenario([], pace=own)) == expected


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openssl = program("openssl")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sim "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls._cached.cache_clear()  # a process reads the system's certificates once
    with served("--tls", str(certificate), str(key), "--text", "Hello") as (url, printed):
        assert url.startswith("https://")
        assert ask(url) == "Hello"
    assert any(f"SSL_CERT_FILE={certificate}" in line for line in printed)


def test_a_certificate_that_is_none_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no")
    line = refused("--tls", str(tmp_path / "no.pem"), str(tmp_path / "no.pem"))
    assert line.startswith("tailrace sim: --tls: "), line
    assert line.count("\n") == 1
