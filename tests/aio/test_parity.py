"""`sync` and `aio` have the same names with the same signatures, in the same order."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

ROOMS = ("client", "messages", "responses", "streams", "tools")
ONLY_ASYNC = {"aclose"}
"""Other names of what the synchronous side has: what `contextlib.aclosing` calls."""
HANDS = {"ThreadHands", "TaskHands"}
"""What runs tools in threads on one side and in tasks on the other."""
DUNDERS = {"__aiter__": "__iter__", "__anext__": "__next__", "__aenter__": "__enter__"} | {
    "__aexit__": "__exit__"
}


def twins() -> Iterator[tuple[str, type, type]]:
    """Each public class of `sync` and what it is called in `aio`."""
    for room in ROOMS:
        sync, aio = (importlib.import_module(f"tailrace.{side}.{room}") for side in ("sync", "aio"))
        ours, theirs = (
            [one for one in vars(module).values() if _is_public_class(one, module.__name__)]
            for module in (sync, aio)
        )
        assert len(ours) == len(theirs), (room, ours, theirs)
        for one, other in zip(ours, theirs, strict=True):
            yield f"{room}.{one.__name__}", one, other


def _is_public_class(value: object, module: str) -> bool:
    if not inspect.isclass(value) or value.__module__ != module:
        return False
    return value.__name__[0] != "_" and value.__name__ not in HANDS


def erased(text: object) -> str:
    """A name or annotation without what only says that it is asynchronous."""
    plain = re.sub(r"\bAsync(?=[A-Z])", "", str(text))
    plain = re.sub(r"Callable\[(.*), Awaitable\[(.*)\]\]", r"Callable[\1, \2]", plain)
    return re.sub(r"\bAwaitable\[(.*)\]", r"\1", plain)


def members(kind: type) -> dict[str, Any]:
    """The public members of a class and of its private bases, in order of definition."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith(("tailrace.sync", "tailrace.aio")):
            found |= vars(base)
    public = {DUNDERS.get(name, name): value for name, value in found.items()}
    wanted = {*DUNDERS.values(), "__init__"}
    return {
        name: value
        for name, value in public.items()
        if (name[0] != "_" or name in wanted) and name not in ONLY_ASYNC
    }


def signature(value: Any) -> Any:
    """What can be compared of a member: how it is called, or of what kind it is."""
    function = getattr(value, "fget", None) or getattr(value, "func", None) or value
    if not callable(function):
        return type(value).__name__
    parameters = inspect.signature(function).parameters.values()
    return type(value).__name__, [
        (erased(one.name), one.kind, repr(one.default), erased(one.annotation))
        for one in parameters
    ]


@pytest.mark.parametrize(("sync", "aio"), [pytest.param(*two, id=name) for name, *two in twins()])
def test_the_same_names_and_signatures_in_the_same_order(sync: type, aio: type) -> None:
    assert erased(aio.__name__) == sync.__name__
    ours, theirs = members(sync), members(aio)
    assert list(theirs) == list(ours)
    for name in ours:
        assert signature(theirs[name]) == signature(ours[name]), name
        assert bool(inspect.getdoc(theirs[name])) == bool(inspect.getdoc(ours[name])), name
