import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.tagged import by_type
from tailrace.core.view import View


class Cat(View):
    __slots__ = ()


class Other(View):
    __slots__ = ()


def test_a_known_type_gives_its_class():
    assert type(by_type({"cat": Cat})({"type": "cat", "lives": 9})) is Cat


@pytest.mark.parametrize("kind", ["dog", "", None, 3, ["cat"], {"cat": 1}, True])
def test_any_other_type_gives_the_other_class(kind):
    data = {"type": kind, "x": 1}
    assert by_type({"cat": Cat}, other=Other)(data) == data
    assert type(by_type({"cat": Cat}, other=Other)(data)) is Other


def test_a_missing_type_gives_the_other_class():
    assert type(by_type({"cat": Cat}, other=Other)({"x": 1})) is Other


def test_the_other_class_is_a_plain_view_unless_said():
    assert type(by_type({"cat": Cat})({"type": "dog"})) is View


@given(st.dictionaries(st.text(), st.integers()))
def test_data_is_kept(data):
    assert by_type({"cat": Cat})(data) == data
