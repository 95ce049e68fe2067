"""`tailrace relay worker`: what it refuses; tests/relay has it at work."""

from __future__ import annotations

import pytest

from tailrace.cli import main


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["memory:"], "seen by one process alone"),
        (["http://example.org"], "redis://"),
        (["relay.db", "--most", "0"], "at least one generation"),
        (["redis://127.0.0.1:1/0"], "Redis journal"),
        (["relay.db", "--status", "metrics"], "must be a port, or a host and a port: 'metrics'"),
        (["relay.db", "--status", "127.0.0.1:99999"], "cannot serve the status"),
        (["relay.db", "--status", "nowhere.invalid:0"], "cannot serve the status"),
    ],
)
def test_a_worker_that_cannot_work_says_why(words, why, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    assert main(["relay", "worker", *words]) == 1
    assert why in capsys.readouterr().err


def test_a_worker_needs_a_key(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    assert main(["relay", "worker", str(tmp_path / "relay.db")]) == 1
    assert "set ANTHROPIC_API_KEY" in capsys.readouterr().err


def test_a_sub_command_is_needed(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["relay"])
    assert "worker" in capsys.readouterr().err
