"""What the head of an answer says of the rest."""

from __future__ import annotations

import pytest

from tailrace.core.chunked import BodyError, ChunkedBody, OpenBody, SizedBody
from tailrace.core.heads import Head
from tailrace.core.http import Headers, Request
from tailrace.transports.answers import Answer, answer_of

ASKED = Request("POST", "http://h/v1", Headers())


def answer(version: str = "1.1", **fields: str) -> Answer:
    pairs = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return answer_of(ASKED, Head(version, 200, pairs, b"rest"), 0.5)


def test_the_response() -> None:
    found = answer(request_id="req_1")
    response = found.response
    assert (response.status_code, response.request_id, response.elapsed) == (200, "req_1", 0.5)
    assert (response.http_version, response.url) == ("HTTP/1.1", ASKED.url)
    assert found.rest == b"rest"


@pytest.mark.parametrize(
    ("fields", "kind", "reusable"),
    [
        ({"transfer_encoding": "chunked"}, ChunkedBody, True),
        ({"content_length": "4"}, SizedBody, True),
        ({"content_length": "4", "connection": "close"}, SizedBody, False),
        ({}, OpenBody, False),
    ],
)
def test_the_body(fields: dict[str, str], kind: type, reusable: bool) -> None:
    found = answer(**fields)
    assert isinstance(found.body, kind)
    assert found.reusable is reusable
    assert found.inflate is None


def test_a_compressed_body() -> None:
    assert answer(content_encoding="gzip").inflate is not None
    for fields in ({"content_encoding": "br"}, {"content_length": "x"}):
        with pytest.raises(BodyError):
            answer(**fields)
