"""`tailrace replay`, as a process, of what `tailrace record` wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.test_serve_simulator import ask, command, served, serving

import tailrace

TEXT = "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich. 🌊"


def ask_officially(url: str) -> str:
    anthropic = pytest.importorskip("anthropic", reason="the official package is not installed")
    with (
        anthropic.Anthropic(base_url=url, api_key="any") as client,
        client.messages.stream(
            model="claude-sonnet-5-5", max_tokens=100, messages=[{"role": "user", "content": "Hi"}]
        ) as stream,
    ):
        return "".join(stream.text_stream)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Tailrace asked and got, on one tape."""
    folder = tmp_path_factory.mktemp("tapes")
    with (
        served("--text", TEXT) as (upstream, _),
        serving("record", "--to", str(folder), "--upstream", upstream, "--port", "0") as (url, _),
    ):
        assert ask(url) == TEXT
    return folder


def test_both_packages_get_the_recorded_text(tapes: Path) -> None:
    words = ("replay", str(tapes), "--port", "0", "--speed", "inf", "--match", "loose")
    with serving(*words) as (url, printed):
        assert ask(url) == TEXT
        assert ask_officially(url) == TEXT
    assert f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any\n" in printed
    assert printed[-1] == "1 of 1 tape played.\n"


def test_what_the_official_package_recorded_is_replayed_to_tailrace(tmp_path: Path) -> None:
    with (
        served("--text", TEXT) as (upstream, _),
        serving("record", "--to", str(tmp_path), "--upstream", upstream, "--port", "0") as (url, _),
    ):
        assert ask_officially(url) == TEXT
    with serving("replay", str(tmp_path), "--port", "0", "--match", "loose") as (url, _):
        assert ask(url) == TEXT


def test_what_does_not_match_is_reported(tapes: Path) -> None:
    with (
        serving("replay", str(tapes), "--port", "0", code=1) as (url, printed),
        pytest.raises(tailrace.NotFoundError, match="no tape fits"),
    ):
        ask(url, prompt="Something else")
    (name,) = (path.name for path in tapes.iterdir())
    text = "".join(printed)
    assert f"0 of 1 tape played.\n  nobody asked for {name}\n" in text
    assert (
        f"Requests without a tape: 1.\n  no tape fits this POST /v1/messages; the closest is {name}"
        in text
    )
    assert "Something else" not in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "there are no tapes in nowhere"),
        ([".", "--speed", "0"], "speed must be positive, not 0.0"),
    ],
)
def test_what_cannot_be_is_an_error_in_one_line(words: list[str], says: str, tapes: Path) -> None:
    done = subprocess.run(
        command("replay", *words), capture_output=True, text=True, timeout=30, cwd=tapes
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tailrace replay: {says}\n"
