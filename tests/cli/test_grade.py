"""`tailrace grade`, as a process, on clients good and bad."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.cli.test_serve_simulator import command
from tests.parts import missing

from tailrace.simulator.course import COURSE, Defect

STREAMS = """
import {package}

asked = {{"role": "user", "content": "Hi"}}
with {package}.Anthropic(timeout={timeout}) as client, client.messages.stream(
    model="claude-sonnet-5-5", max_tokens=100, messages=[asked]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
"""

# Asks again at once whatever came, and closes nothing.
SLOPPY = """
import http.client, os, time

kept = []

def ask():
    url = os.environ["ANTHROPIC_BASE_URL"].removeprefix("http://")
    connection = http.client.HTTPConnection(url, timeout=0.4)
    kept.append(connection)
    body = (
        '{"model": "m", "max_tokens": 9, "stream": true,'
        ' "messages": [{"role": "user", "content": "Hi"}]}'
    )
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    headers["content-type"] = "application/json"
    connection.request("POST", "/v1/messages", body, headers)
    response = connection.getresponse()
    kept.append(response)
    return response.status == 200 and b"whole" in response.read()

for _ in range(3):
    try:
        if ask():
            time.sleep(0.8)
            break
    except TimeoutError:
        pass
"""


def grade(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(command("grade", *words), capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def found(report: str) -> dict[str, list[str]]:
    """The defects of each fault that was not handled well."""
    marks = re.split(r"^(BAD |good)  (\S+) .*\n", report, flags=re.M)[1:]
    parts = zip(marks[::3], marks[1::3], marks[2::3], strict=True)
    return {
        name: [line.strip() for line in rest.splitlines()[1:] if line.startswith("      ")]
        for mark, name, rest in parts
        if mark == "BAD "
    }


def script(folder: Path, package: str, timeout: str) -> list[str]:
    (folder / "client.py").write_text(STREAMS.format(package=package, timeout=timeout))
    return ["--", sys.executable, str(folder / "client.py")]


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--fault", name)]


def test_tailrace_handles_the_whole_course_well(tmp_path: Path) -> None:
    clocks = "tailrace.Timeout(connect=1, first_event=1, idle=1, progress=1.5)"
    code, out, err = grade("--limit", "20", *script(tmp_path, "tailrace", clocks))
    assert (found(out), err, code) == ({}, "", 0)
    count = len(COURSE)
    assert out.endswith(f"\n{count} of {count} faults handled well\n")
    assert [line.split()[1] for line in out.splitlines() if line.startswith("good")] == [
        fault.name for fault in COURSE
    ]


def test_the_known_defects_of_the_official_package_are_found(tmp_path: Path) -> None:
    if find_spec("anthropic") is None:
        missing("the package anthropic is not installed")
    known = {
        "cut-end": [Defect.ACCEPTED],
        "cut-close": [Defect.CRASHED],
        "malformed": [Defect.CRASHED],
        "error-first": [Defect.GAVE_UP],
        "empty": [Defect.HID],
        "pings-only": [Defect.HUNG],
        "pings-late": [Defect.HUNG],
    }
    client = script(tmp_path, "anthropic", "0.5")
    # What hangs takes all of the limit, so it is graded beside the rest.
    parts = [["pings-only"], ["pings-late"], [*list(known)[:-2], "status-529"]]
    with ThreadPoolExecutor(len(parts)) as pool:
        runs = [pool.submit(grade, "--limit", "9", *only(*part), *client) for part in parts]
        graded = [run.result() for run in runs]
    assert [(code, err) for code, _, err in graded] == [(1, "")] * 3
    report = "".join(out for _, out, _ in graded)
    assert found(report) == known
    assert "exit code 0" in report
    assert "having printed the cut text\n" in report
    assert "exit code 1, in httpx2.RemoteProtocolError after" in report


def test_a_sloppy_client_is_caught(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(SLOPPY)
    code, out, err = grade(
        *only("retry-after", "no-headers"), "--", sys.executable, str(tmp_path / "client.py")
    )
    assert (code, err) == (1, "")
    assert found(out) == {"retry-after": [Defect.IGNORED], "no-headers": [Defect.LEAKED]}


def test_what_a_hanging_command_started_is_ended_too(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(
        "import subprocess, sys\n"
        "child = 'import time; print(1, flush=True); time.sleep(99)'\n"
        "subprocess.run([sys.executable, '-c', child])\n"
    )
    began = time.monotonic()
    code, out, err = grade("--limit", "1.5", "--", sys.executable, str(tmp_path / "client.py"))
    assert (code, out) == (2, "")
    assert err.startswith("tailrace grade: the command did not end within 2 s when there was no")
    assert time.monotonic() - began < 60  # the child holds the pipe for 99 seconds


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--", sys.executable, "-c", ""], "the command did not ask the API at ANTHROPIC_BASE_URL"),
        (["--", "no-such-command-here"], "cannot run no-such-command-here: "),
        ([], "error: no command: write it after --, as in: tailrace grade -- python client.py"),
        (["--limit", "0", "--", "true"], "error: --limit must be a positive number of seconds"),
    ],
)
def test_what_cannot_be_graded_is_said(words: list[str], says: str) -> None:
    code, out, err = grade(*words)
    assert (code, out) == (2, "")
    assert f"tailrace grade: {says}" in err


def test_a_command_that_fails_by_itself_may_say_why() -> None:
    code, out, err = grade("--", sys.executable, "-c", "raise SystemExit('no such module')")
    assert (code, out) == (2, "")
    assert err.startswith("no such module\n"), err


def test_the_faults_can_be_listed() -> None:
    code, out, _ = grade("--list")
    assert (code, len(out.splitlines())) == (0, len(COURSE))
