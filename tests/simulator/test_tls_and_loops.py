"""The same over TLS, and on uvloop's event loop."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from tests.parts import program

from tailrace.simulator.acts import Cut, Text
from tailrace.simulator.record import Recorder
from tailrace.simulator.replay import Replay, load_tapes
from tailrace.simulator.simulator import Simulator

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hi"}],
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = program("openssl")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "made.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sim "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {made} -out {folder / 'cert.pem'}".split(),
        check=True,
        capture_output=True,
    )
    made.write_text(made.read_text() + (folder / "cert.pem").read_text())
    return made


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.parent / "cert.pem"))


def client(url: str, trust: ssl.SSLContext) -> anthropic.Anthropic:
    http = httpx2.Client(verify=trust, trust_env=False)
    return anthropic.Anthropic(base_url=url, api_key="k", http_client=http, max_retries=0)


def test_a_stream_over_tls(tls: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    with Simulator("Hello", tls=tls) as sim, client(sim.url, trust) as asks:
        assert sim.url.startswith("https://")
        with asks.messages.stream(**ASKED) as stream:
            assert stream.get_final_text() == "Hello"


@pytest.mark.parametrize("how", ["close", "half_chunk", "reset"])
def test_a_cut_over_tls(tls: ssl.SSLContext, trust: ssl.SSLContext, how: Any) -> None:
    with Simulator([Text("Half"), Cut(how)], tls=tls) as sim, client(sim.url, trust) as asks:
        with asks.messages.stream(**ASKED) as stream, pytest.raises(httpx2.TransportError):
            stream.until_done()
        assert sim.wait(1)[0].ended == how


def test_recording_from_a_tls_upstream(
    tls: ssl.SSLContext, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    with (
        Simulator("Hello", tls=tls) as sim,
        Recorder(sim.url, tmp_path, verify=trust) as recorder,
        anthropic.Anthropic(base_url=recorder.url, api_key="k") as asks,
    ):
        assert asks.messages.create(**ASKED).stop_reason == "end_turn"
    with (
        Simulator(Replay(load_tapes(tmp_path))) as replayed,
        anthropic.Anthropic(base_url=replayed.url, api_key="k") as asks,
    ):
        assert asks.messages.create(**ASKED).content[0].to_dict()["text"] == "Hello"


def test_an_upstream_that_is_not_trusted_is_a_502(tls: ssl.SSLContext, tmp_path: Path) -> None:
    with (
        Simulator("Hello", tls=tls) as sim,
        Recorder(sim.url, tmp_path) as recorder,
        anthropic.Anthropic(base_url=recorder.url, api_key="k", max_retries=0) as asks,
        pytest.raises(anthropic.InternalServerError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        asks.messages.create(**ASKED)


Body = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("how", ["end", "close", "half_chunk", "reset"])
def test_every_cut_on_uvloop(how: Any, body: Body) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    from tests.simulator.conftest import Wire

    def ask(sim: Simulator) -> Any:
        wire = Wire(sim)
        try:
            return wire.send(body()).answer()
        finally:
            wire.close()

    async def main() -> None:
        async with Simulator([Text("word " * 2000), Cut(how)]) as sim:
            answer = await asyncio.to_thread(ask, sim)
            assert answer.text.startswith("word word")
            assert answer.ended == {"end": "end", "reset": "reset"}.get(how, "eof")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
