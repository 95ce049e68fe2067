"""Thin typed views over the JSON that arrived.

Theory of operation. A message, a content block or an event *is* the JSON object that came over the
wire: `View` is a `dict`, and its classes only add attributes. So unknown fields, fields that were
never set, and their order survive by construction; sending a block back needs no conversion; and
building one costs a shallow copy of a small dict. A class lists its fields as annotations, which is
also what type checkers narrow on. A declared field that did not arrive reads as `None`; an
undeclared one that did arrive is an attribute too. Nested objects become views in place, the first
time they are looked at, so `message.content[0]` is always the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import msgspec

Wrap = Callable[[dict[str, Any]], Any]


class View(dict[str, Any]):
    """A JSON object with attributes.

    It is a `dict`, so `view["text"]`, `==`, iteration over keys and `json.dumps(view)` work as for
    any other; `view.text` is the same value. The methods named `model_*`, `to_dict` and `to_json`
    are those the official SDK's objects have.
    """

    __slots__ = ()

    _fields: ClassVar[tuple[str, ...]] = ()
    _aliases: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(
        cls,
        *,
        nested: Mapping[str, Wrap] | None = None,
        aliases: Mapping[str, str] | None = None,
        reads: Mapping[str, Callable[[Any], Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Give each annotated field a property.

        `nested` says which fields hold objects (or lists of them) and what view they become;
        `aliases` maps an attribute to the JSON key it reads; `reads` turns a JSON value into the
        Python value its attribute shows, leaving the JSON as it is.
        """
        super().__init_subclass__(**kwargs)
        cls._aliases = {**cls._aliases, **(aliases or {})}
        own = [
            name
            for name, kind in cls.__annotations__.items()
            if not name.startswith("_") and "ClassVar" not in str(kind)
        ]
        cls._fields = tuple(dict.fromkeys((*cls._fields, *own)))
        for name in own:
            key = cls._aliases.get(name, name)
            wrap = (nested or {}).get(name)
            read = (reads or {}).get(name)
            setattr(cls, name, property(_getter(key, wrap, read), doc=None))

    if not TYPE_CHECKING:
        # Hidden from type checkers, so that a mistyped declared name is still an error there.

        def __getattr__(self, name: str) -> Any:
            try:
                value = self[name]
            except KeyError:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}"
                ) from None
            if type(value) is dict:
                value = self[name] = View(value)
            return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[self._aliases.get(name, name)] = value

    def __delattr__(self, name: str) -> None:
        if name.startswith("_"):
            object.__delattr__(self, name)
            return
        try:
            del self[self._aliases.get(name, name)]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._fields, *self})

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown())
        return f"{type(self).__name__}({fields})"

    __str__ = __repr__

    def _shown(self) -> Iterable[str]:
        names = {key: name for name, key in self._aliases.items()}
        return [names.get(key, key) for key in self]

    def copy(self) -> Self:
        """A shallow copy of the same type."""
        return self.model_copy()

    # -- the official SDK's names ------------------------------------------------------------

    def to_dict(
        self,
        *,
        mode: str = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> dict[str, Any]:
        """The JSON object as plain dicts and lists, independent of this one.

        By default exactly what arrived: fields that were not sent are not added.
        `exclude_unset=False` adds the declared fields that are missing, as `None`.
        `mode` and `warnings` are accepted for compatibility: the values are JSON in both modes.
        """
        del mode, warnings
        keep_none = not (exclude_none or exclude_defaults)
        return _plain_object(
            self, declared=not exclude_unset, keep_none=keep_none, api=use_api_names
        )

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> str:
        """The JSON object as text; `indent=None` puts it on one line."""
        data = self.to_dict(
            use_api_names=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )
        return dump_json(data, indent=indent)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: set[str] | None = None,
        exclude: set[str] | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **ignored: Any,
    ) -> dict[str, Any]:
        """Like `to_dict`, with the declared fields that did not arrive added as `None`."""
        del ignored
        data = self.to_dict(
            mode=mode,
            use_api_names=bool(by_alias),
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )
        return {
            key: value
            for key, value in data.items()
            if (include is None or key in include) and (exclude is None or key not in exclude)
        }

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """`model_dump` as JSON text."""
        return dump_json(self.model_dump(**options), indent=indent)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy of the same type, with `update` laid over it."""
        import copy

        twin = copy.deepcopy(self) if deep else copy.copy(self)
        twin.update(update or {})
        return twin

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were sent or set."""
        return set(self._shown())

    @property
    def model_extra(self) -> dict[str, Any]:
        """The fields that arrived and that this version does not declare."""
        known = {self._aliases.get(name, name) for name in self._fields}
        return {key: value for key, value in self.items() if key not in known}

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Build one from keyword arguments, without checking them."""
        del _fields_set
        return cls({cls._aliases.get(name, name): value for name, value in values.items()})

    construct = model_construct

    @classmethod
    def model_validate(cls, obj: Mapping[str, Any], **ignored: Any) -> Self:
        """Build one from a mapping, unchecked: what the API sends is taken as it is."""
        del ignored
        return cls(obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes, **ignored: Any) -> Self:
        """Build one from JSON text."""
        del ignored
        return cls(msgspec.json.decode(json_data))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Lets pydantic and FastAPI use views in annotations; called by pydantic only."""
        del source, handler
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            serialization=core_schema.plain_serializer_function_ser_schema(plain),
        )


def dump_json(data: Any, *, indent: int | None = None) -> str:
    """JSON text of plain data, non-ASCII characters as themselves."""
    encoded = msgspec.json.encode(data)
    return (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()


def plain(value: Any) -> Any:
    """JSON data as plain dicts and lists that share nothing with `value`."""
    return _plain(value, declared=False, keep_none=True, api=True)


def _getter(
    key: str, wrap: Wrap | None, read: Callable[[Any], Any] | None
) -> Callable[[View], Any]:
    if wrap is not None:
        build = wrap

        def nested(self: View) -> Any:
            value: Any = self.get(key)
            kind = cast("object", type(value))
            if kind is dict:
                value = self[key] = build(value)
            elif kind is list and value:
                _wrap_items(value, build)
            return value

        return nested
    if read is not None:
        show = read
        return lambda self: None if self.get(key) is None else show(self[key])
    return lambda self: self.get(key)


def _wrap_items(items: list[Any], build: Wrap) -> None:
    # Items come all at once or one by one at the end, so its ends tell whether a list was done.
    if dict in (type(items[-1]), type(items[0])):
        items[:] = [build(item) if cast("object", type(item)) is dict else item for item in items]


def _plain_object(
    view: dict[str, Any], *, declared: bool, keep_none: bool, api: bool
) -> dict[str, Any]:
    aliases: Mapping[str, str] = view._aliases if isinstance(view, View) else {}
    names: dict[str, str] = {} if api else {key: name for name, key in aliases.items()}
    source = view
    if declared and isinstance(view, View):
        for name in view._fields:
            getattr(view, name)  # turns nested objects into views, so that their fields are known
        missing: dict[str, Any] = dict.fromkeys(aliases.get(name, name) for name in view._fields)
        source = {**missing, **view}
    return {
        names.get(key, key): _plain(value, declared=declared, keep_none=keep_none, api=api)
        for key, value in source.items()
        if value is not None or keep_none
    }


def _plain(value: Any, *, declared: bool, keep_none: bool, api: bool) -> Any:
    if isinstance(value, dict):
        data = cast("dict[str, Any]", value)
        return _plain_object(data, declared=declared, keep_none=keep_none, api=api)
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return [_plain(item, declared=declared, keep_none=keep_none, api=api) for item in items]
    return value
