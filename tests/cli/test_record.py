"""`tailrace record`, as a process in front of `tailrace sim`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.cli.test_serve_simulator import ask, command, served, serving

from tailrace.simulator import load_tapes


def test_it_passes_on_and_writes_tapes(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "tapes"
    with (
        served("--text", "Hello to you.") as (upstream, _),
        serving("record", "--to", str(folder), "--upstream", upstream, "--port", "0") as (
            url,
            printed,
        ),
    ):
        assert ask(url, key="sk-ant-very-secret-key") == "Hello to you."
        assert ask(url) == "Hello to you."
    assert f"  export ANTHROPIC_BASE_URL={url}\n" in printed
    tapes = load_tapes(folder)
    assert [tape.name for tape in tapes] == [f"000{n}-claude-sonnet-5-5.tape" for n in (1, 2)]
    told = f"{tapes[0].name}: POST /v1/messages -> 200, {len(tapes[0].body)} bytes in "
    assert any(line.startswith(told) for line in printed)
    assert printed[-1] == f"2 exchanges recorded in {folder}; play them with: " + (
        f"tailrace replay {folder}\n"
    )
    assert not [path for path in folder.iterdir() if "very-secret" in path.read_text()]


def test_masked_tapes_have_no_words(tmp_path: Path) -> None:
    with (
        served("--text", "Hello to you.") as (upstream, _),
        serving(
            "record", "--to", str(tmp_path), "--upstream", upstream, "--port", "0", "--mask"
        ) as (url, _),
    ):
        assert ask(url, prompt="Something private") == "Hello to you."
    (tape,) = tmp_path.iterdir()
    assert "private" not in tape.read_text()
    assert "Hello" not in tape.read_text()


def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    with serving("record", "--to", str(tmp_path), "--port", "0") as (_, printed):
        pass
    assert printed[-1] == "Nothing was recorded: no exchange came to its end.\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--upstream", "ftp://api"], "the upstream must be an http or https URL, not 'ftp://api'"),
        (["--port", "70000"], "cannot serve on 127.0.0.1:70000 ("),
    ],
)
def test_what_cannot_be_is_an_error_in_one_line(
    words: list[str], says: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        command("record", "--to", str(tmp_path), *words), capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"tailrace record: {says}"), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        command("record", "--to", str(tmp_path / "file" / "tapes")), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
