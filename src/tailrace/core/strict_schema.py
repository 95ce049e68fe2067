"""A JSON schema in the subset that the API's structured outputs and strict tools accept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .json_schema import POINTER, references
from .problems import dumps
from .shapes import JSON

# https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema
# limitations": structured outputs and strict tools share them; anything else is a 400.
_KEPT = frozenset({"type", "enum", "const", "title", "description", "default", "required"})
_FORMATS = re.compile("date-time|time|date|duration|email|hostname|uri|ipv[46]|uuid")
_HARD_PATTERN = re.compile(r"\(\?(?!:)|\\[1-9bB]|\{\d*,?\d{3,}")
_DROPPED = frozenset(("additionalProperties", "discriminator", "$defs", "definitions"))


def strict_schema(schema: JSON) -> JSON:
    """The schema in the subset that structured outputs and strict tools accept.

    Objects are closed. A constraint outside the subset (a bound, a length, a format, a look-ahead)
    becomes a sentence of the description, so that the model still knows of it; it is checked when
    the reply is read. A described reference to a type is replaced by the type so described, since
    nothing may stand beside a `$ref`. Recursive types stay as they are: the API refuses them today.

    Raises:
        TypeError: the schema has objects with free keys, or values of any kind.
    """
    strict = _Strict(schema.get("$defs") or {})
    rest = strict.of({key: value for key, value in schema.items() if key != "$defs"})
    defs: dict[str, JSON] = {}
    wanted = references(rest)
    while missing := sorted(wanted - defs.keys()):
        for name in missing:
            defs[name] = strict.of(strict.defs[name])
            wanted |= references(defs[name])
    ordered = {name: defs[name] for name in strict.defs if name in defs}
    return {**rest, "$defs": ordered} if ordered else rest


class _Strict:
    def __init__(self, defs: Mapping[str, JSON]) -> None:
        self.defs = defs

    def of(self, schema: JSON) -> JSON:
        if "$ref" in schema:
            return self._reference(schema)
        if schema.get("allOf") and len(schema["allOf"]) == 1:
            return self.of({**schema["allOf"][0], **_without(schema, "allOf")})
        kept: JSON = {}
        words: list[str] = []
        for key, value in schema.items():
            self._keep(key, value, kept, words)
        self._close(schema, kept)
        if words:
            told = [kept["description"]] if kept.get("description") else []
            kept["description"] = "\n\n".join([*told, f"Constraints: {'; '.join(words)}."])
        return kept

    def _keep(self, key: str, value: Any, kept: JSON, words: list[str]) -> None:
        """Put one keyword where it belongs: into the schema, the description, or nowhere."""
        if (
            key in _KEPT
            or (key == "format" and _FORMATS.fullmatch(value))
            or (key == "pattern" and not _HARD_PATTERN.search(value))
            or (key == "minItems" and value in (0, 1))
        ):
            kept[key] = value
        elif key == "properties":
            kept[key] = {name: self._named(name, part) for name, part in value.items()}
        elif key in ("anyOf", "oneOf", "allOf"):
            kept["allOf" if key == "allOf" else "anyOf"] = [self.of(part) for part in value]
        elif key == "prefixItems":
            kept["items"] = self._any_of(value)
            words.append("one element for each of " + dumps(value))
        elif key == "items" and value is not False:
            kept["items"] = self._named("items", value)
        elif key not in _DROPPED and key != "items":
            words.append(f"{key} {value if isinstance(value, str) else dumps(value)}")

    def _named(self, name: str, schema: JSON) -> JSON:
        try:
            return self.of(schema)
        except TypeError as error:
            raise TypeError(f"`{name}`: {error}") from error

    def _any_of(self, schemas: list[JSON]) -> JSON:
        unique = list({dumps(part): self.of(part) for part in schemas}.values())
        return unique[0] if len(unique) == 1 else {"anyOf": unique}

    def _close(self, schema: JSON, kept: JSON) -> None:
        if kept.get("type") == "object":
            if "properties" not in kept and schema.get("additionalProperties") is not False:
                raise TypeError(
                    "structured outputs cannot have objects with free keys; "
                    "use a list of objects with a field for the key"
                )
            kept["additionalProperties"] = False
        elif not kept.keys() & {"type", "enum", "const", "anyOf", "allOf"}:
            raise TypeError("structured outputs need a type for every value, this one may be any")

    def _reference(self, schema: JSON) -> JSON:
        name = schema["$ref"].removeprefix(POINTER)
        beside = _without(schema, "$ref", "default", "title")
        if not beside or name not in self.defs or self._recurs(name):
            return {"$ref": schema["$ref"]}
        return self.of({**self.defs[name], **beside})

    def _recurs(self, name: str) -> bool:
        seen: set[str] = set()
        wanted = references(self.defs[name])
        while new := (wanted - seen) & self.defs.keys():
            seen |= new
            wanted = {other for one in new for other in references(self.defs[one])}
        return name in seen


def _without(schema: JSON, *keys: str) -> JSON:
    return {key: value for key, value in schema.items() if key not in keys}
