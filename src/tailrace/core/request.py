"""What a call to `/v1/messages` sends: checked, then encoded once.

Theory of operation. Everything that can be wrong with a call is found here, before a connection is
opened, with a text that says what to do. Parameters are known by name (one table); a parameter
whose value is `None` or `NOT_GIVEN` is left out. Message objects and blocks are the JSON that
arrived (`core.view`), so they go back as they are; a whole `Message` in `messages` goes as its
role and content.

Sources: the Messages API reference; parameters of its beta features as the official SDK has them.
"""

from __future__ import annotations

import base64
import difflib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from .content import Message
from .given import is_given
from .headers import HeaderValue

MESSAGES_PATH = "/v1/messages"
COUNT_TOKENS_PATH = "/v1/messages/count_tokens"

BODY_PARAMETERS = frozenset(
    {
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        # beta
        "billing_policy",
        "compaction",
        "context_management",
        "fallback_credit_token",
        "fallbacks",
        "mcp_servers",
        "thread",
    }
)
"""The parameters that go into the body, under their own names."""

HEADER_PARAMETERS = {
    "user_profile_id": "anthropic-user-profile-id",
    "workspace_id": "anthropic-workspace-id",
}
"""The parameters that go into headers."""

OPTION_PARAMETERS = frozenset({"betas", "extra_headers", "extra_query", "extra_body", "recovery"})
"""The parameters that say how to send, rather than what."""

# The longest reply the API can be expected to give within ten minutes, by the official SDKs' rule
# of 128,000 tokens an hour.
_TOKENS_IN_TEN_MINUTES = 128_000 // 6


class Call(NamedTuple):
    """One checked call: its body, and the headers and query that go with it."""

    body: dict[str, Any]
    headers: dict[str, HeaderValue]
    extra_headers: Mapping[str, HeaderValue] | None
    extra_query: Mapping[str, object] | None


def message_call(
    method: str,
    parameters: Mapping[str, Any],
    *,
    required: tuple[str, ...] = ("max_tokens", "messages", "model"),
    stream: bool = False,
) -> Call:
    """Check the parameters of `method` and sort them into body, headers and query.

    Raises `TypeError` for a missing, unknown or mistyped parameter, `ValueError` for an impossible
    value; nothing has been sent then.
    """
    given = {name: value for name, value in parameters.items() if is_given(value)}
    known = BODY_PARAMETERS | HEADER_PARAMETERS.keys() | OPTION_PARAMETERS
    for name in given.keys() - known:
        raise TypeError(_unknown(method, name, known))
    missing = [name for name in required if name not in given]
    if missing:
        names = " and ".join(repr(name) for name in missing)
        raise TypeError(f"{method}() is missing required keyword arguments: {names}")
    body = {
        name: list(cast("Iterator[Any]", value)) if isinstance(value, Iterator) else value
        for name, value in given.items()
        if name in BODY_PARAMETERS
    }
    _check(body)
    body["messages"] = _messages(body["messages"])
    if "stop_sequences" in body:
        body["stop_sequences"] = _listed("stop_sequences", body["stop_sequences"])
    if "tools" in body:
        body["tools"] = _tools(_listed("tools", body["tools"]))
    if stream:
        body["stream"] = True
    body.update(given.get("extra_body") or {})
    headers: dict[str, HeaderValue] = {
        header: given[name] for name, header in HEADER_PARAMETERS.items() if name in given
    }
    if given.get("betas"):
        headers["anthropic-beta"] = ",".join(_listed("betas", given["betas"]))
    return Call(body, headers, given.get("extra_headers"), given.get("extra_query"))


def check_not_too_long(body: Mapping[str, Any]) -> None:
    """Raise `ValueError` where a reply that is not streamed could take more than ten minutes."""
    limit = _TOKENS_IN_TEN_MINUTES
    if isinstance(body.get("max_tokens"), int) and body["max_tokens"] > limit:
        raise ValueError(
            "Streaming is required for operations that may take longer than 10 minutes: "
            f"max_tokens={body['max_tokens']} is over {limit}. Use messages.stream() or "
            "stream=True, or pass timeout= to say how long you would wait."
        )


def encode_body(body: Mapping[str, Any]) -> bytes:
    """The body as JSON (UTF-8, compact).

    Tuples, sets and generators go as lists, paths and open files as the base64 of their contents,
    pydantic models as their set fields. Raises `ValueError` for what JSON cannot carry (NaN,
    infinities, lone surrogates, cycles) and `TypeError` for an object it does not know.
    """
    try:
        encoded = _encoder.encode(body)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the request holds half of a surrogate pair (at character {error.start} of a string), "
            "which is no text; encode with errors='replace' to drop it"
        ) from None
    except RecursionError:
        raise ValueError("the request refers to itself, or is nested too deeply") from None
    if _holds_nan(body):  # msgspec would write null
        _refuse_nan(body, "")
    return encoded


def _unknown(method: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "use extra_body= to send it all the same"
    return f"{method}() got an unexpected keyword argument {name!r}; {hint}"


def _check(body: Mapping[str, Any]) -> None:
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise TypeError(f"model must be a str such as 'claude-sonnet-5-5', not {_kind(model)}")
    if model == "":
        raise ValueError("model must not be empty")
    tokens = body.get("max_tokens")
    if tokens is not None:
        if isinstance(tokens, bool) or not isinstance(tokens, int):
            raise TypeError(f"max_tokens must be a whole number of tokens, not {_kind(tokens)}")
        if tokens < 0:
            raise ValueError(f"max_tokens must not be negative: {tokens}")


_CONTENT = frozenset({str, list})


def _messages(value: Any) -> list[Any]:
    messages = _listed("messages", value)
    if not messages:
        raise ValueError("messages must hold at least one message")
    if all(map(_is_plain, messages)):
        return list(messages)
    return [_message(index, item) for index, item in enumerate(messages)]


def _is_plain(item: Any) -> bool:
    """Whether a message needs nothing done to it, as nearly every one."""
    exact: type[Any] = type(item)  # pyright: ignore[reportUnknownVariableType]
    return exact is dict and type(item.get("content")) in _CONTENT and "role" in item


def _message(index: int, item: Any) -> Any:
    if isinstance(item, Message):
        return item.to_param()
    if isinstance(item, Mapping):
        message = cast("Mapping[str, Any]", item)
        for name in ("role", "content"):
            if name not in message:
                raise TypeError(f"messages[{index}] has no {name!r}")
        content = message["content"]
        if content is None or isinstance(content, (str, list)):
            return message
        return {**message, "content": _listed(f"messages[{index}].content", content)}
    if hasattr(item, "model_dump"):
        return item
    raise TypeError(
        f"messages[{index}] must be a dict with 'role' and 'content', or a Message, "
        f"not {_kind(item)}"
    )


def _tools(tools: list[Any]) -> list[Any]:
    if all(isinstance(tool, Mapping) for tool in tools):
        return tools
    from .tools import tools_param

    return tools_param(tools)


def _listed(name: str, value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list, not {_kind(value)}")  # pyright: ignore[reportUnknownArgumentType]
    return value if isinstance(value, list) else list(cast("Iterable[Any]", value))  # pyright: ignore[reportUnknownVariableType]


def _kind(value: object) -> str:
    return type(value).__name__


def _encode_other(value: Any) -> Any:
    """What msgspec does not know by itself, as something it does."""
    plain = _as_plain(value)
    _refuse_nan(plain, _kind(value))
    return plain


def _as_plain(value: Any) -> Any:
    if isinstance(value, str):  # of a subclass, as the next two
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_unset=True, by_alias=True, mode="json")
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, os.PathLike):
        with open(cast("os.PathLike[str]", value), "rb") as file:  # noqa: PTH123 - any PathLike
            return base64.b64encode(file.read()).decode()
    if hasattr(value, "read"):
        read = value.read()
        return base64.b64encode(read.encode() if isinstance(read, str) else read).decode()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    if isinstance(value, Iterable):
        return list(cast("Iterable[Any]", value))
    raise TypeError(f"the request holds a {_kind(value)}, which JSON cannot carry")


_encoder = msgspec.json.Encoder(enc_hook=_encode_other)


def _holds_nan(body: Any) -> bool:
    """Whether a number in it is not finite; looks at containers and numbers, not into strings.

    What was encoded refers to nothing above it, so this ends. (A search for `null` in the encoded
    body would take longer than encoding it did.)
    """
    found: list[Any] = [body]
    for value in found:
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is str:
            continue
        if kind is dict:
            found += value.values()
        elif kind is list:
            found += value
        elif kind is float:
            if not math.isfinite(value):
                return True
        elif isinstance(value, dict):
            found += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            found += value
    return False


def _refuse_nan(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the request's {path.lstrip('.') or 'body'} is {value}, which is no JSON")
    if isinstance(value, dict):
        for key, item in cast("dict[Any, Any]", value).items():
            _refuse_nan(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(cast("list[Any]", value)):
            _refuse_nan(item, f"{path}[{index}]")
