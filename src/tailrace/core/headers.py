"""Header fields of a request: merged, checked, never injected into.

Later layers win over earlier ones whatever the case of the name; `omit` takes a field out. A value
with a line ending would let one header become two, so it is refused before anything is sent
(RFC 9110, section 5.5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .given import Omit
from .http import SECRET_HEADERS

HeaderValue = str | Omit

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_FORBIDDEN = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search


def merge_headers(*layers: Mapping[str, HeaderValue] | None) -> dict[str, str]:
    """All fields, in lower case, later layers winning. Raises as `check_header` does."""
    merged: dict[str, str] = {}
    for layer in layers:
        for name, value in (layer or {}).items():
            if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"a header name must be a str, not {type(name).__name__}")
            lower = name.lower()
            merged.pop(lower, None)
            if not isinstance(value, Omit):
                check_header(lower, value)
                merged[lower] = value
    return merged


def check_header(name: str, value: object) -> None:
    """Raise `ValueError` or `TypeError` for a field that cannot be sent; no secret is quoted."""
    if not _NAME(name):
        raise ValueError(f"{name!r} is not a header name: use letters, digits and hyphens")
    if not isinstance(value, str):
        raise TypeError(f"header {name!r} must be a str or omit, not {type(value).__name__}")
    bad = _FORBIDDEN(value)
    if bad or value != value.strip():
        shown = "its value" if name in SECRET_HEADERS else repr(value[:80])
        what = f"a {bad.group()!r}" if bad else "white space at an end"
        raise ValueError(f"header {name!r} cannot be sent: {shown} has {what}; remove it")


def custom_headers(text: str) -> dict[str, str]:
    """The fields of `ANTHROPIC_CUSTOM_HEADERS`, one `Name: value` a line; others are skipped."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            fields[name.strip()] = value.strip()
    return fields
