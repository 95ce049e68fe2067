"""A view is the JSON that arrived, and more convenient."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.view import View, dump_json, plain


class Inner(View):
    name: str
    size: int | None


class Outer(
    View,
    nested={"one": Inner, "many": Inner},
    aliases={"from_": "from"},
    reads={"at": datetime.fromisoformat},
):
    one: Inner | None
    many: list[Inner]
    from_: str
    at: datetime
    bare: dict[str, Any]


class Further(Outer, aliases={"class_": "class"}):
    class_: str


def outer(**fields: Any) -> Outer:
    return Outer({"one": {"name": "a"}, "many": [{"name": "b"}, {"name": "c"}], **fields})


def test_it_is_the_dict():
    view = outer(extra=[1, {"x": 2}])
    data = {"one": {"name": "a"}, "many": [{"name": "b"}, {"name": "c"}], "extra": [1, {"x": 2}]}
    assert isinstance(view, dict)
    assert view == data
    assert list(view) == ["one", "many", "extra"]
    assert json.loads(json.dumps(view)) == data
    assert view["one"]["name"] == view.one.name == "a"


def test_fields_that_did_not_arrive_read_as_none_and_are_not_there():
    view = outer()
    assert view.from_ is view.bare is view.at is view.one.size is None
    assert "from" not in view
    assert view.model_fields_set == {"one", "many"}


def test_unknown_fields_are_attributes():
    view = outer(new=1, deep={"er": {"est": 2}})
    assert view.new == 1
    assert view.deep.er.est == 2
    assert view.model_extra == {"new": 1, "deep": {"er": {"est": 2}}}
    with pytest.raises(AttributeError, match="'Outer' object has no attribute 'nothing'"):
        _ = view.nothing
    assert getattr(view, "nothing", "else") == "else"
    assert not hasattr(view, "nothing")


def test_nested_objects_become_views_in_place():
    view = outer()
    assert type(view.one) is Inner
    assert view.one is view.one is view["one"]
    assert [type(item) for item in view.many] == [Inner, Inner]
    assert view.many is view["many"]
    view.many.append({"name": "d"})
    assert view.many[-1].name == "d"
    assert type(view["many"][0]) is Inner
    view.many.insert(0, {"name": "z"})
    assert view.many[0].name == "z"


def test_nested_values_of_another_shape_are_left_alone():
    for value in (None, 5, "x", [], ["x", 5], [None]):
        assert outer(one=value, many=value).one == value
        assert outer(one=value, many=value).many == value


def test_an_alias_reads_and_writes_its_key():
    view = outer(**{"from": "a"})
    assert view.from_ == "a"
    view.from_ = "b"
    assert view["from"] == "b"
    assert "from_" not in view
    assert view.to_dict()["from"] == "b"
    assert view.to_dict(use_api_names=False)["from_"] == "b"
    del view.from_
    assert view.from_ is None
    assert Further({"class": 1, "from": 2}).class_ == 1
    assert Further({"class": 1, "from": 2}).from_ == 2


def test_reads_shows_another_value_and_leaves_the_json():
    view = outer(at="2026-01-02T03:04:05")
    assert view.at == datetime(2026, 1, 2, 3, 4, 5)
    assert view["at"] == "2026-01-02T03:04:05"
    assert json.loads(view.to_json())["at"] == "2026-01-02T03:04:05"
    assert outer(at=None).at is None


def test_attributes_are_set_and_deleted_as_keys():
    view = outer()
    view.bare = {"x": 1}
    view.brand_new = 2
    assert view["bare"] == {"x": 1}
    assert view["brand_new"] == 2
    del view.brand_new
    assert "brand_new" not in view
    for name in ("brand_new", "from_"):
        with pytest.raises(AttributeError):
            delattr(view, name)


def test_repr_shows_what_arrived_by_attribute_names():
    view = Outer({"from": "a", "one": {"name": "b", "new": None}})
    assert repr(view) == str(view) == "Outer(from_='a', one=Inner(name='b', new=None))"


def test_dir_offers_fields_that_arrived_and_that_could():
    assert {"one", "from_", "new", "to_dict"} <= {*dir(outer(new=1))}


# -- dumps -------------------------------------------------------------------------------------


def test_to_dict_is_what_arrived_and_independent():
    view = outer(extra=({"x": [1]},), nothing=None)
    view.one  # noqa: B018 - becomes a view, which the dump must not show
    data = view.to_dict()
    assert data == {**outer(), "extra": [{"x": [1]}], "nothing": None}
    assert type(data) is type(data["one"]) is dict
    data["extra"][0]["x"].append(2)
    data["one"]["name"] = "changed"
    assert view.extra[0]["x"] == [1]
    assert view.one.name == "a"


def test_model_dump_adds_declared_fields_that_did_not_arrive():
    data = outer(new=1).model_dump()
    assert data.keys() == {"one", "many", "from_", "at", "bare", "new"}
    assert data["one"] == {"name": "a", "size": None}
    assert data["many"][1] == {"name": "c", "size": None}
    assert "from" in outer().model_dump(by_alias=True)
    assert outer().model_dump(exclude_unset=True) == outer()
    assert outer(bare=None).model_dump(exclude_none=True) == outer()
    assert outer().model_dump(include={"one"}, exclude_unset=True) == {"one": {"name": "a"}}
    assert outer().model_dump(exclude={"one"}, exclude_unset=True).keys() == {"many"}


def test_json_dumps():
    view = Inner(name="é", size=1)
    assert view.to_json() == '{\n  "name": "é",\n  "size": 1\n}'
    assert view.to_json(indent=None) == view.model_dump_json() == '{"name":"é","size":1}'
    assert Inner(name="a").model_dump_json() == '{"name":"a","size":null}'
    assert Inner(name="a").to_json(indent=None) == '{"name":"a"}'
    assert view.model_dump_json(indent=1) == dump_json(view, indent=1)


SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | FLOATS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = ["one", "many", "from", "bare", "new", "items"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_any_json_comes_out_as_it_went_in(data):
    view = Outer(copy.deepcopy(data))
    for name in ("one", "many", "from_", "bare"):
        getattr(view, name)
    assert view == data
    assert view.to_dict() == data
    assert json.loads(view.to_json()) == data
    assert plain(view) == data
    assert Outer.model_validate_json(view.to_json()) == data


# -- copies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("twin", "deep"),
    [
        (copy.copy, False),
        (copy.deepcopy, True),
        (lambda view: pickle.loads(pickle.dumps(view)), True),
        (lambda view: view.copy(), False),
        (lambda view: view.model_copy(), False),
        (lambda view: view.model_copy(deep=True), True),
    ],
)
def test_copies_are_equal_and_of_the_same_type(twin, deep):
    view = outer(new={"x": 1})
    assert view.one.name == "a"
    other = twin(view)
    assert type(other) is Outer
    assert type(other.one) is Inner
    assert other == view
    assert (other.one is view.one) is not deep
    other["new"] = 2
    assert view.new == {"x": 1}


def test_model_copy_lays_changes_over():
    view = outer()
    assert view.model_copy(update={"new": 1}).new == 1
    assert "new" not in view


def test_built_by_hand():
    for made in (
        Outer.model_construct(from_="a", new=1),
        Outer.construct(from_="a", new=1),
        Outer.model_validate({"from": "a", "new": 1}, strict=True),
        Outer.model_validate_json('{"from": "a", "new": 1}'),
    ):
        assert type(made) is Outer
        assert made == {"from": "a", "new": 1}


def test_pydantic_takes_views_in_annotations():
    pydantic = pytest.importorskip("pydantic")
    adapter = pydantic.TypeAdapter(Inner)
    assert type(adapter.validate_python({"name": "a"})) is Inner
    view = Inner(name="a")
    assert adapter.validate_python(view) is view
    assert adapter.dump_json(view) == b'{"name":"a"}'
