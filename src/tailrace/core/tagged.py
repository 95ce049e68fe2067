"""Which view an object of the wire becomes, by its `type`.

Theory of operation. The API tags every object that comes in more than one shape with a `type`
string. So a table from that string to a class is all there is to know about a union, and reading
one is a dictionary lookup. A tag that the table does not hold, or that is no string at all, is no
error: the object becomes the `other` view, which keeps its data as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .view import View, Wrap


def by_type(table: Mapping[str, Wrap], *, other: Wrap = View) -> Wrap:
    """A function that turns an object into the view `table` gives for its `type`."""

    def wrap(data: dict[str, Any]) -> Any:
        kind = data.get("type")
        # The test also keeps an unhashable `type` (a list, say) away from the lookup.
        return table.get(kind, other)(data) if isinstance(kind, str) else other(data)

    return wrap
