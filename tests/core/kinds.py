"""Types of every kind, which the tests of schemas and readings share."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import msgspec
import pydantic
from hypothesis import strategies as st

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Key(enum.Enum):
    A = "a"


class Pair(NamedTuple):
    name: str
    size: int


class Person(TypedDict):
    name: str
    age: int


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice."""

    what: str
    price: Annotated[float, msgspec.Meta(ge=0)]


@dataclasses.dataclass
class Invoice:
    number: Annotated[str, msgspec.Meta(min_length=2, pattern="^[A-Z]+$")]
    lines: list[Line]
    due: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.number == "BAD":
            raise ValueError("no such number")


class Cat(msgspec.Struct, tag=True):
    name: str
    lives: int = 9

    def __post_init__(self) -> None:
        if self.lives < 0:
            raise ValueError("dead")


class Dog(msgspec.Struct, tag=True, frozen=True):
    name: str


class Square(pydantic.BaseModel):
    kind: Literal["square"]
    side: int = pydantic.Field(ge=1)


class Circle(pydantic.BaseModel):
    kind: Literal["circle"]
    radius: float
    center: Point | None = None


class Aliased(pydantic.BaseModel):
    long_name: str = pydantic.Field(alias="longName")


class Numbers(pydantic.RootModel[list[int]]):
    pass


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


SCALARS = st.sampled_from([int, float, str, bool, None, Color, Literal["a", "b"], datetime.date])


def _object(fields: list[Any]) -> Any:
    return msgspec.defstruct(
        "Made",
        [(f"f{index}", kind) for index, kind in enumerate(fields)],
        forbid_unknown_fields=True,
    )


KINDS = st.recursive(
    SCALARS,
    lambda inner: (
        inner.map(lambda kind: list[kind])
        | inner.map(lambda kind: dict[str, kind])
        | st.tuples(inner, inner).map(lambda kinds: tuple[kinds])
        | st.lists(inner, max_size=3).map(_object)
        | inner.map(lambda kind: kind | None if kind else int | None)
    ),
    max_leaves=5,
)
JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "b", "red", "2026-01-31", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["f0", "f1", "f2"]), inner)
    ),
    max_leaves=6,
)


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    """JSON values that are of a type, more or less."""
    if kind in (int, float, str, bool, None):
        return {
            int: st.integers(),
            float: st.floats(-9, 9),
            str: st.text(),
            bool: st.booleans(),
        }.get(kind, st.none())
    if kind is Color or kind == Literal["a", "b"] or kind is datetime.date:
        return st.sampled_from(["red", "a", "2026-01-31"])
    args = getattr(kind, "__args__", ())
    if getattr(kind, "__origin__", None) is list:
        return st.lists(value_of(args[0]), max_size=3)
    if getattr(kind, "__origin__", None) is dict:
        return st.dictionaries(st.text(max_size=2), value_of(args[1]), max_size=2)
    if getattr(kind, "__origin__", None) is tuple:
        return st.tuples(*map(value_of, args)).map(list)
    if isinstance(kind, types.UnionType):
        return st.one_of(*map(value_of, args))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.fixed_dictionaries(
            {field.name: value_of(field.type) for field in msgspec.structs.fields(kind)}
        )
    return JSONS


KIND_AND_VALUE = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), value_of(kind) | JSONS))
