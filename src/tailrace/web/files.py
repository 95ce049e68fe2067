"""The pages' files, and the headers they are served with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import PurePosixPath

from starlette.responses import Response

_KINDS = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}


def page_file(name: str, *, connect: Sequence[str] = ("'self'",)) -> Response:
    """A file of the pages, under a policy that lets nothing run or load but such files.

    `connect` are the sources that scripts may read from (Content Security Policy, `connect-src`).
    """
    data = resources.files("tailrace.web").joinpath("pages", name).read_bytes()
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"connect-src {' '.join(connect)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "cache-control": "no-cache",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    kind = f"{_KINDS[PurePosixPath(name).suffix]}; charset=utf-8"
    return Response(data, headers=headers, media_type=kind)
