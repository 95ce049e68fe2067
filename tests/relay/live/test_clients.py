"""The official SDKs, Tailrace and curl, as people use them, on real nodes that break."""

from __future__ import annotations

import itertools
import json
import re
import subprocess

import anthropic
import pytest
from tests.parts import node_packages, program

import tailrace

from .bed import HERE, Bed, check, read_events, until
from .chaos import Chaos
from .upstream import story

COUNT = itertools.count(500)
SCRIPT = HERE.parents[2] / "src" / "tailrace" / "relay" / "relay.js"


def asking(said: str):
    message = {"role": "user", "content": said}
    return {"model": "claude-sonnet-5-5", "max_tokens": 20_000, "messages": [message]}


@pytest.mark.parametrize("package", [anthropic, tailrace], ids=["anthropic", "tailrace"])
def test_python(bed: Bed, package) -> None:
    number = next(COUNT)
    with package.Anthropic(base_url=f"{bed.url}/claude", api_key="any", max_retries=0) as client:
        with client.messages.stream(**asking(f"story {number} of 200 words at 2000")) as stream:
            assert "".join(stream.text_stream) == story(number, 200)
        whole = client.messages.create(**asking(f"story {number} of 20 words at 2000"))
        assert whole.content[0].text == story(number, 20)
        with pytest.raises(package.BadRequestError, match="messages: no"):
            client.messages.create(**asking("refuse"))
        with pytest.raises(package.APIError):  # what breaks is an error, never an end
            client.messages.create(**asking("break"), stream=True).close()
            with client.messages.stream(**asking("break")) as stream:
                stream.get_final_text()


@pytest.mark.parametrize("package", [anthropic, tailrace], ids=["anthropic", "tailrace"])
def test_python_sees_that_its_connection_broke(bed: Bed, package) -> None:
    number = next(COUNT)
    with Chaos(bed.port) as network:
        address = f"{network.url}/claude"
        with package.Anthropic(base_url=address, api_key="any", max_retries=0) as client:
            asked = asking(f"held story {number} of 300 words at 300")
            with pytest.raises(Exception, match=r".") as caught:  # noqa: SIM117
                with client.messages.stream(**asked) as stream:
                    for _ in stream.text_stream:
                        network.cut(1, 500)
                        break
                    bed.go(number)
                    stream.get_final_text()
    assert not isinstance(caught.value, (AssertionError, TypeError, AttributeError))
    assert network.cuts == 1


def run_node(base: str, module: str, said: str, how: str, **headers: str):
    folder = node_packages("@anthropic-ai/sdk")
    script = (HERE / "sdk.mjs").read_text()
    command = ["node", "--input-type=module", "-", base, module, said, how, json.dumps(headers)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(script)
    process.stdin.close()
    process.stdin = None
    return process


@pytest.mark.parametrize("how", ["heal", "plain"])
def test_typescript(bed: Bed, tmp_path, how: str) -> None:
    """With `relayFetch` it reads on through a killed node and cuts; without, it is told."""
    number = next(COUNT)
    module = tmp_path / "relay.mjs"
    module.write_bytes(SCRIPT.read_bytes())
    said = f"held story {number} of 600 words at 300"
    producer, viewed, _ = bed.nodes
    key = f"typescript {number}"
    bed.start(said, at=producer.url, idempotency_key=key)
    with Chaos(bed.port) as network:
        headers = {"idempotency-key": key, "cookie": f"node={viewed.name}"}
        process = run_node(f"{network.url}/claude", str(module), said, how, **headers)
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "under way\n", process.communicate()
            assert viewed.told()["viewers"] == producer.told()["running"] == 1
            if how == "heal":
                network.cut(3, 450)
            viewed.kill()
            if how == "heal":
                until(lambda: network.cuts, "a cut")
            bed.go(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    found = json.loads(out)
    truth = story(number, 600)
    if how == "heal":
        assert found == {"text": truth, "whole": truth}, err
    else:
        assert found["error"], "a broken reply must not look complete"
        assert truth.startswith(found["text"])
        assert len(found["text"]) < len(truth)


def test_curl(bed: Bed) -> None:
    curl = program("curl")
    number = next(COUNT)
    body = json.dumps({**asking(f"held story {number} of 300 words at 300"), "stream": True})
    with Chaos(bed.port) as network:
        command = [curl, "-sSiN", f"{network.url}/claude/v1/messages", "-d", body]
        command += ["-H", "content-type: application/json"]
        # Unbuffered: `communicate` looks into the pipe alone.
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, bufsize=0)
        assert process.stdout is not None
        start = b""
        while b"content_block_delta" not in start:
            start += process.stdout.readline()
        network.cut(1, 400)
        out, err = process.communicate(timeout=40)
    assert process.returncode in (18, 56), err  # "transfer closed", "reset by peer"
    first = (start + out).decode(errors="replace")
    where = re.search(r"(?i)^location: (\S+)", first, re.MULTILINE)[1]
    first = first[: first.rindex("\n\n") + 2]
    cursor = re.findall(r"^id: (\S+)$", first, re.MULTILINE)[-1]
    bed.go(number)
    command = [curl, "-sSN", "--max-time", "40", f"{bed.url}{where}?after={cursor}"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    text = first.partition("\r\n\r\n")[2] + done.stdout.decode()
    check(read_events(text), number, 300)
    again = subprocess.run(
        [curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"{bed.url}{where}?after=end"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert again.stdout == b"204"
