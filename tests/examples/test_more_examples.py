"""The examples about tools, structured output and speech, run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def output(name: str, path: str = "") -> str:
    """What the example prints without an API key and with `path` as `PATH`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:unclosed", EXAMPLES / f"{name}.py"],
        env=clean | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_tool_runner() -> None:
    assert output("tool_runner") == (
        "I will look both up.\n"
        '  {"city": "Paris", "celsius": 21}\n'
        '  {"city": "Rome", "celsius": 27}\n'
        "It is warmer in Rome: 27 °C, against 21 °C in Paris.\n"
        "4 messages\n"
    )


def test_structured_table() -> None:
    assert output("structured_table") == (
        "name                 born  known for\n"
        "Ada Lovelace         1815  the first program\n"
        "Grace Hopper         1906  the first compiler\n"
        "Margaret Hamilton    1936  the Moon landing\n"
        "3 people, born in 1815 or later\n"
    )


SENTENCES = [
    "Dr. Lovelace wrote in 1843 that a machine might compose music.",
    "It took a while, of course!",
    "About 99.5 percent of it was waiting.",
    "Would she have liked the result?",
]


def test_speech_without_a_speaker() -> None:
    assert output("speech").splitlines() == [f"> {sentence}" for sentence in SENTENCES]


def test_speech_speaks_each_sentence(tmp_path: Path) -> None:
    speaker = tmp_path / "espeak-ng"
    heard = tmp_path / "heard"
    speaker.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"open({str(heard)!r}, 'a').write(sys.stdin.read() + '\\n')\n"
    )
    speaker.chmod(0o755)
    output("speech", str(tmp_path))
    assert [line.strip() for line in heard.read_text().splitlines()] == SENTENCES
