"""The reference of a public package, as Markdown, made from the docstrings of its names."""

from __future__ import annotations

import ast
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

# Packages with a reference, and what is public there but for its `__all__`.
PACKAGES: dict[str, tuple[str, ...]] = {
    "tailrace": (
        "tailrace.sync.messages.Messages",
        "tailrace.sync.messages.MessagesWithRawResponse",
        "tailrace.sync.messages.MessagesWithStreamingResponse",
        "tailrace.aio.messages.AsyncMessages",
        "tailrace.aio.messages.AsyncMessagesWithRawResponse",
        "tailrace.aio.messages.AsyncMessagesWithStreamingResponse",
        "tailrace.core.http.Response",
        "tailrace.core.http.Headers",
    ),
    "tailrace.types": (),
    "tailrace.relay": (),
    "tailrace.simulator": (),
    "tailrace.testing": (),
    "tailrace.web": (),
}

# The parts of the first package's reference, by the module in which a name lives.
PARTS = {
    "Clients": ("sync.client", "aio.client"),
    "Calls": ("sync.messages", "aio.messages"),
    "Streams": ("sync.streams", "aio.streams", "core.cursor"),
    "Responses": ("sync.responses", "aio.responses", "core.http", "core.rate_limits"),
    "Events": ("core.events",),
    "Errors": ("core.errors", "core.structured"),
    "Tools": ("core.tools", "core.turns", "sync.tools", "aio.tools"),
    "Settings and values": (),
}


def has_public_names(package: str) -> bool:
    """Whether a package is there and says what is public in it."""
    try:
        return hasattr(import_module(package), "__all__")
    except ModuleNotFoundError:
        return False


def reference(package: str) -> Iterator[str]:
    """The reference of a package, as Markdown."""
    module = import_module(package)
    yield f"# Reference: {package}\n\n{_prose(inspect.getdoc(module) or '')}\n\n"
    public = {name: getattr(module, name) for name in sorted(module.__all__)}
    for dotted in PACKAGES[package]:
        home, _, name = dotted.rpartition(".")
        public[name] = getattr(import_module(home), name)
    public = {
        name: value
        for name, value in public.items()
        if not isinstance(value, types.ModuleType) and name != "__version__"
    }
    parts = _parts(public) if package == "tailrace" else {"": list(public)}
    documented = {value for value in public.values() if isinstance(value, type)}
    documented.add(import_module("tailrace").View)
    for title, names in parts.items():
        if title:
            yield f"## {title}\n\n"
        for name in names:
            yield from _entry(name, public[name], module, documented)


def _parts(public: dict[str, Any]) -> dict[str, list[str]]:
    front = import_module("tailrace")
    parts: dict[str, list[str]] = {title: [] for title in PARTS}
    rest = list(PARTS)[-1]
    for name, value in public.items():
        home = front._WHERE.get(name, ("",))[0] or value.__module__.removeprefix("tailrace.")
        parts[next((title for title, homes in PARTS.items() if home in homes), rest)].append(name)
    return parts


def _entry(name: str, value: Any, module: types.ModuleType, known: set[type]) -> Iterator[str]:
    """One public name."""
    yield f"### {name}\n\n"
    own = getattr(value, "__name__", name)
    if isinstance(value, (type, types.FunctionType)) and own != name:
        yield f"Another name of `{own}`.\n\n"
    elif isinstance(value, type):
        yield from _class(name, value, known)
    elif isinstance(value, types.FunctionType):
        yield _signature(name, value) + _prose(inspect.getdoc(value) or "") + "\n\n"
    else:
        yield from _value(name, value, module)


def _class(name: str, value: type, known: set[type]) -> Iterator[str]:
    bases = [base.__name__ for base in value.__bases__ if base in known]
    if bases:
        yield "A kind of " + ", ".join(f"`{base}`" for base in bases) + ".\n\n"
    if _ours(value.__init__) or hasattr(value, "__struct_fields__"):
        yield _signature(name, value)
    yield _prose(value.__dict__.get("__doc__") or "") + "\n\n"
    fields = _fields(value)
    if fields:
        optional = getattr(value, "__optional_keys__", ())
        lines = (
            f"- `{field}`: `{kind}`" + (" (may be left out)" if field in optional else "")
            for field, kind in fields.items()
        )
        yield "\n".join(lines) + "\n\n"
    for attribute, member in _members(value, known):
        called = getattr(member, "__name__", attribute)
        if called != attribute:
            yield f"#### {name}.{attribute}()\n\nAnother name of `{called}`.\n\n"
            continue
        if isinstance(member, property) or hasattr(member, "attrname"):
            yield f"#### {name}.{attribute}\n\n"
        else:
            yield f"#### {name}.{attribute}()\n\n{_signature(attribute, member)}"
        yield _prose(inspect.getdoc(member) or "") + "\n\n"


def _fields(value: type) -> dict[str, str]:
    """The fields a class declares itself: of JSON objects, of TypedDicts."""
    if not (hasattr(value, "_fields") or hasattr(value, "__required_keys__")):
        return {}
    return {
        name: _text_of(kind)
        for name, kind in inspect.get_annotations(value).items()
        if not name.startswith("_") and "ClassVar" not in _text_of(kind)
    }


def _members(value: type, known: set[type]) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, those of bases that have no entry included."""
    seen: set[str] = set()
    for base in value.__mro__:
        if not _ours(base) or (base is not value and base in known):
            continue
        fields = getattr(base, "_fields", ())
        for name, member in vars(base).items():
            described = bool(inspect.getdoc(member)) and callable(getattr(value, name, member))
            described |= isinstance(member, property) and name not in fields
            described |= hasattr(member, "attrname")  # a cached property
            if name[0] != "_" and name not in seen and described:
                seen.add(name)
                yield name, getattr(member, "__func__", member)


def _value(name: str, value: Any, module: types.ModuleType) -> Iterator[str]:
    """A constant, or another name for a union of types."""
    home = getattr(module, "_WHERE", {}).get(name, (None,))[0]
    told = _told(import_module(f"tailrace.{home}")).get(name, "") if home else ""
    members = typing.get_args(value)
    if members and all(isinstance(one, type) for one in members):
        yield "One of " + ", ".join(f"`{one.__name__}`" for one in members) + ".\n\n"
    else:
        alias = members or (isinstance(value, str) and "|" in value)
        yield f"`{_text_of(value) if alias else repr(value)}`\n\n"
    yield f"{_prose(told)}\n\n"


def _told(module: types.ModuleType) -> dict[str, str]:
    """The texts that stand after assignments in a module, by what they assign."""
    body = ast.parse(inspect.getsource(module)).body
    told: dict[str, str] = {}
    for statement, after in pairwise(body):
        target = getattr(statement, "targets", [getattr(statement, "target", None)])[0]
        text = getattr(getattr(after, "value", None), "value", None)
        if isinstance(target, ast.Name) and isinstance(text, str):
            told[target.id] = inspect.cleandoc(text)
    return told


def _ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith("tailrace")


# What has such a parameter is made by the library and not by its users.
_MADE_INSIDE = re.compile(r"^_|: .*\b(?:Exchange|Session)\b")


def _signature(name: str, value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    shown = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    parts = list(_parameters(shown))
    if isinstance(value, type) and any(_MADE_INSIDE.search(part) for part in parts):
        return ""
    gives = "" if isinstance(value, type) else _gives(signature.return_annotation)
    line = f"{name}({', '.join(parts)}){gives}"
    if len(line) > 88:
        line = "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){gives}"])
    return f"```python\n{line}\n```\n\n"


def _gives(annotation: Any) -> str:
    return "" if annotation is inspect.Signature.empty else f" -> {_text_of(annotation)}"


def _parameters(parameters: Iterable[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred:
            yield "*"
        starred |= one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        kind = "" if one.annotation is one.empty else f": {_text_of(one.annotation)}"
        default = "" if one.default is one.empty else f" = {_default(one.default)}"
        yield f"{stars}{one.name}{kind}{default}"


def _default(value: object) -> str:
    text = repr(value)
    return "…" if " at 0x" in text else text


def _text_of(annotation: Any) -> str:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"ForwardRef\('([^']*)'.*\)", r"\1", text)
    text = re.sub(r"\b(?:Not)?Required\[(.*)\]$", r"\1", text)
    return re.sub(r"\b(?:tailrace|typing|collections\.abc)(?:\.\w+)*\.(?=\w)", "", text)


_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns):\n((?:(?: {4}.*)?\n?)+)", re.M)
_ITEM = re.compile(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", re.M)


def _prose(text: str) -> str:
    """A docstring as Markdown; its lists of arguments and exceptions become lists."""

    def listed(found: re.Match[str]) -> str:
        items = _ITEM.findall(found[2])
        lines = [f"- `{name}`: {' '.join(told.split())}" for name, told in items]
        return f"{found[1]}:\n\n" + "\n".join(lines) + "\n"

    return _SECTION.sub(listed, inspect.cleandoc(text))
