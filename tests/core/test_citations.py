import pytest

from tailrace.core.citations import CITATIONS, citation
from tailrace.core.view import View


@pytest.mark.parametrize(("kind", "cls"), CITATIONS.items())
def test_each_kind_has_its_class(kind, cls):
    data = {"type": kind, "cited_text": "so", "new_field": {"a": [1]}}
    view = citation(dict(data))
    assert type(view) is cls
    assert view.cited_text == "so"
    assert view.new_field.a == [1]
    assert view.to_dict() == data


@pytest.mark.parametrize("cls", CITATIONS.values())
def test_what_did_not_arrive_is_none(cls):
    assert {getattr(cls(), name) for name in cls._fields} == {None}


def test_an_unknown_kind_keeps_its_data():
    data = {"type": "verse_location", "verse": 3}
    view = citation(data)
    assert type(view) is View
    assert view.verse == 3
    assert view.to_dict() == data
