"""Whole replies: the head of an answer, and the JSON of a 2xx one to the object it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from tailrace.core.content import Message, MessageTokensCount
from tailrace.core.errors import APIResponseValidationError
from tailrace.core.events import decode_payload
from tailrace.core.http import Headers, Response

from .exchange import Exchange

if TYPE_CHECKING:
    from tailrace.core.content import ParsedMessage

T = TypeVar("T")


def read_message(body: bytes, exchange: Exchange) -> Message:
    """The message a whole reply holds. Raises `APIResponseValidationError` where it is none."""
    response = exchange.response
    message = Message(_object(body, response, "content"))
    message._request_id = response.request_id
    message._workspace_id = response.workspace_id
    message._attempts = exchange.attempts
    return message


def read_parsed(message: Message, output_type: type[T]) -> ParsedMessage[T]:
    """The message, its text read as `output_type`. Raises `OutputParseError`, which carries it."""
    from tailrace.core.output import read_output

    read_output(message, output_type)
    return cast("ParsedMessage[T]", message)


def read_tokens_count(body: bytes, exchange: Exchange) -> MessageTokensCount:
    """The count a reply holds. Raises `APIResponseValidationError` where it is none."""
    return MessageTokensCount(_object(body, exchange.response, "input_tokens"))


def _object(body: bytes, response: Response, needed: str) -> dict[str, Any]:
    try:
        data: Any = decode_payload(body)
    except ValueError:
        data = None
    if not isinstance(data, dict) or needed not in data:
        kind = response.headers.get("content-type", "no content-type")
        raise APIResponseValidationError(
            response.redacted(),
            None,
            message=(
                f"The API answered {response.status_code} with something that is not its reply "
                f"({len(body)} bytes of {kind}, without {needed!r})."
            ),
        )
    return cast("dict[str, Any]", data)


class ResponseHead:
    """What an answer says before its body, as both clients' `APIResponse` shows it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def http_response(self) -> Response:
        """The head of the answer."""
        return self._exchange.response

    @property
    def headers(self) -> Headers:
        """The header fields, found whatever the case of their name."""
        return self.http_response.headers

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.http_response.status_code

    @property
    def url(self) -> str:
        """The address that answered."""
        return self.http_response.url

    @property
    def method(self) -> str:
        """The HTTP method."""
        request = self.http_response.request
        return request.method if request else ""

    @property
    def http_version(self) -> str:
        """Such as `HTTP/1.1`."""
        return self.http_response.http_version

    @property
    def elapsed(self) -> float:
        """Seconds from sending the request to the last header."""
        return self.http_response.elapsed

    @property
    def request_id(self) -> str | None:
        """The API's id of this request."""
        return self.http_response.request_id

    @property
    def retries_taken(self) -> int:
        """How many tries failed before this one answered."""
        return len(self._exchange.attempts) - 1

    @property
    def is_closed(self) -> bool:
        """Whether the body was read to its end or given up."""
        return self.http_response.is_closed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}]>"
