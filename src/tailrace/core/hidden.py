"""Facts about a view that are not part of its JSON.

Theory of operation. A view *is* the JSON that arrived, so what this library knows besides it (the
request's id, whether the reply was whole, how sure a token count is) must live elsewhere: it is
never sent, dumped or compared. It lives in slots whose names start with `_`, which cost nothing
until they are set; copies and pickles carry them. A slot that was not set reads as its default, and
the public properties over the slots refuse to be set, because setting a public name on a view
writes JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .view import View


class Hidden(View):
    """A view with slots beside its JSON. `hidden` gives their defaults; without one it is None."""

    __slots__ = ()

    _defaults: ClassVar[Mapping[str, Any]] = {}
    _read_only: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, *, hidden: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """Note the class's own slots with their defaults, and its own plain properties."""
        super().__init_subclass__(**kwargs)
        slots = dict.fromkeys(cls.__dict__.get("__slots__", ()))
        cls._defaults = {**cls._defaults, **slots, **(hidden or {})}
        plain = {name for name, value in vars(cls).items() if isinstance(value, property)}
        cls._read_only = cls._read_only | (plain - {*cls._fields})

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Reached for a slot only while it is unset. Asking the defaults first also means that
            # a JSON field of the same name can never pass for one of our own facts.
            if name in self._defaults:
                return self._defaults[name]
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._read_only:
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be set: it is not part of the JSON. "
                f"To add a JSON field of that name, write view[{name!r}] = ..."
            )
        super().__setattr__(name, value)
