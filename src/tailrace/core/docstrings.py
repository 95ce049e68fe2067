"""What docstrings say of arguments and attributes, in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import inspect
import itertools
import re
import typing
from typing import Any, NamedTuple


class Docstring(NamedTuple):
    """What a docstring says: its description, and one of each argument or attribute."""

    description: str
    arguments: dict[str, str]


_TOLD = re.compile(
    "arg(ument)?s|param(eter)?s|other parameters|keyword arg(ument)?s|attributes|fields"
)
_NOT_TOLD = re.compile("returns?|yields?|raises?|except(ion)?s?|warns")
_GOOGLE_ENTRY = re.compile(r"(\*{0,2}\w+)(?:\s*\(.*?\))?\s*:(?:\s+(.*))?")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)(?:\s*:.*)?()")
_SPHINX_FIELD = re.compile(
    r":(param(?:eter)?|arg(?:ument)?|key(?:word)?|[ic]?var|type|returns?|rtype|raises?|yields?)"
    r"(?:\s+([^:]+))?:(?:\s+(.*))?"
)
_SPHINX_TOLD = re.compile("param(eter)?|arg(ument)?|key(word)?|[ic]?var")


def parse_docstring(doc: str | None) -> Docstring:
    """Read a docstring in Google's, NumPy's or Sphinx's style.

    The description is what stands before the first section or field that tells of arguments,
    results or errors. Whatever is in none of these styles is description.
    """
    description, *sections = _sections(inspect.cleandoc(doc or "").split("\n"))
    told: dict[str, str] = {}
    for section in sections:
        told.update(_arguments(section))
    return Docstring(
        "\n".join(description.lines).strip(), {name: text for name, text in told.items() if text}
    )


class _Section(NamedTuple):
    style: str
    title: str
    lines: list[str]


def _sections(lines: list[str]) -> list[_Section]:
    """The lines in sections; the first is what stands before any, a Sphinx field is one too."""
    found = [_Section("", "", [])]
    for number, line in enumerate(lines):
        title = line.rstrip(" :").lower()
        known = _TOLD.fullmatch(title) or _NOT_TOLD.fullmatch(title)
        if known and _is_underline(lines[number + 1 : number + 2]):
            found.append(_Section("numpy", title, []))
        elif known and line.rstrip().endswith(":"):
            found.append(_Section("google", title, []))
        elif field_ := _SPHINX_FIELD.fullmatch(line):
            name = (field_[2] or "").split()[-1:] if _SPHINX_TOLD.fullmatch(field_[1]) else []
            found.append(_Section("sphinx", "".join(name), [field_[3] or ""]))
        elif not _is_underline([line]) or not found[-1].style:
            found[-1].lines.append(line)
    return found


def _is_underline(lines: list[str]) -> bool:
    return bool(lines) and re.fullmatch(r"-{3,}\s*", lines[0]) is not None


def _arguments(section: _Section) -> dict[str, str]:
    if section.style == "sphinx":
        text = itertools.takewhile(str.strip, section.lines[1:])
        told = [section.lines[0], *(line.strip() for line in text)]
        return {section.title.lstrip("*"): " ".join(told).strip()} if section.title else {}
    if not _TOLD.fullmatch(section.title):
        return {}
    return _entries(section.lines, _NUMPY_ENTRY if section.style == "numpy" else _GOOGLE_ENTRY)


def _entries(lines: list[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """The entries of a section: a line at its own indent begins one, deeper lines go on with it."""
    told: dict[str, list[str]] = {}
    names: list[str] = []
    filled = [line for line in lines if line.strip()]
    margin = min((_indent(line) for line in filled[:1]), default=0)
    for line in filled:
        if _indent(line) < margin:
            break
        if _indent(line) > margin:
            for name in names:
                told[name].append(line.strip())
        elif entry := pattern.fullmatch(line.strip()):
            names = [name.strip(" *") for name in entry[1].split(",")]
            told.update({name: [entry[2] or ""] for name in names})
    return {name: " ".join(text).strip() for name, text in told.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def own_doc(owner: Any) -> str | None:
    """The docstring someone wrote: not an inherited one, nor what `dataclass` makes up."""
    plain = typing.get_origin(owner) or owner
    doc = plain.__dict__.get("__doc__") if isinstance(plain, type) else plain.__doc__
    made_up = isinstance(plain, type) and (doc or "").startswith(f"{plain.__name__}(")
    return None if made_up else doc
