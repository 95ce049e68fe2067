import copy
import json
import pickle

import pytest

from tailrace.core.hidden import Hidden


class Thing(Hidden, hidden={"_sure": True}):
    __slots__ = ("_note", "_sure")

    name: str

    @property
    def sure(self):
        return self._sure

    @property
    def note(self):
        return self._note


class Child(Thing):
    __slots__ = ("_more",)

    @property
    def more(self):
        return self._more


def noted():
    thing = Child(name="n")
    thing._note = {"deep": [1]}
    thing._sure = False
    return thing


COPIES = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "pickle protocol 2": lambda thing: pickle.loads(pickle.dumps(thing, 2)),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "copy": lambda thing: thing.copy(),
    "model_copy": lambda thing: thing.model_copy(),
    "deep model_copy": lambda thing: thing.model_copy(deep=True),
}


def test_an_unset_slot_reads_as_its_default():
    thing = Child(name="n")
    assert (thing.sure, thing.note, thing.more) == (True, None, None)
    assert (thing._sure, thing._note, thing._more) == (True, None, None)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_keep_slots(copied):
    twin = copied(noted())
    assert type(twin) is Child
    assert twin == {"name": "n"}
    assert (twin.sure, twin.note, twin.more) == (False, {"deep": [1]}, None)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_keep_slots_unset(copied):
    twin = copied(Child(name="n"))
    assert (twin.sure, twin.note, twin.more) == (True, None, None)


def test_deep_copies_are_independent():
    thing = noted()
    twin = copy.deepcopy(thing)
    twin._note["deep"].append(2)
    assert thing.note == {"deep": [1]}


def test_slots_are_not_json():
    thing = noted()
    assert thing.to_dict() == thing.model_dump() == {"name": "n"}
    assert json.loads(thing.to_json()) == json.loads(json.dumps(thing)) == {"name": "n"}
    assert thing == Child(name="n")
    assert repr(thing) == "Child(name='n')"
    assert thing.model_fields_set == {"name"}


def test_json_of_the_same_name_is_not_taken_for_a_slot():
    thing = Child({"_sure": False, "sure": False, "note": "json"})
    assert thing.sure is True
    assert thing.note is None


@pytest.mark.parametrize("name", ["sure", "note", "more"])
def test_setting_a_property_over_a_slot_is_refused(name):
    thing = Child(name="n")
    with pytest.raises(AttributeError, match=rf"Child\.{name} cannot be set.*view\['{name}'\]"):
        setattr(thing, name, 1)
    assert thing == {"name": "n"}


def test_fields_can_be_set():
    thing = Child(name="n")
    thing.name = "m"
    thing.unheard_of = 1
    assert thing == {"name": "m", "unheard_of": 1}


def test_what_is_neither_slot_nor_json_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'Child' object has no attribute '_nothing'"):
        _ = Child()._nothing
