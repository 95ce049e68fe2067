import subprocess
import sys
from typing import get_type_hints

import pytest
from typing_extensions import is_typeddict

from tailrace import types
from tailrace.types import _beta_names, _names, beta


def public(module):
    # pytest leaves names of its own in modules whose assertions it rewrote: no identifiers.
    return sorted(name for name in vars(module) if name.isidentifier() and name[0] != "_")


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout


def loaded_by(code):
    """The modules of ours, and third parties of ours, that `code` makes Python load."""
    modules = run(f"import sys\n{code}\nprint(*sorted(sys.modules))").split()
    return [name for name in modules if name == "msgspec" or name.startswith("tailrace.")]


def test_importing_loads_nothing():
    loaded = loaded_by("import tailrace.types, tailrace.types.beta")
    assert [name for name in loaded if "params" in name or "core" in name] == []
    assert "msgspec" not in loaded


def test_beta_is_there_without_being_imported():
    assert run("from tailrace import types; print(types.beta.BetaMessage.__name__)") == "Message\n"


def test_a_parameter_loads_no_other():
    loaded = loaded_by("from tailrace.types import TextBlockParam")
    assert [name for name in loaded if "params" in name or "core" in name] == [
        "tailrace.types.params_common",
        "tailrace.types.params_documents",
    ]
    assert "msgspec" not in loaded


def test_type_checkers_see_the_names_that_are_there():
    assert public(_names) == dir(types)


@pytest.mark.parametrize("name", public(_names))
def test_type_checkers_see_what_is_there(name):
    assert getattr(types, name) is getattr(_names, name)


@pytest.mark.parametrize("name", public(_beta_names))
def test_type_checkers_see_what_is_there_in_beta(name):
    assert getattr(beta, name) is getattr(_beta_names, name)
    assert name in dir(beta)


@pytest.mark.parametrize("module", [types, beta])
def test_what_is_not_there_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Nope'"):
        module.Nope  # noqa: B018
    for hidden in ("View", "Literal", "BetaNope", "_nope"):
        assert not hasattr(module, hidden)


@pytest.mark.parametrize("module", ["tailrace.types", "tailrace.types.beta"])
def test_a_star_import_brings_all(module):
    out = run(f"import {module} as m; from {module} import *; print(set(dir(m)) <= set(globals()))")
    assert out == "True\n"


@pytest.mark.parametrize(
    "name",
    [name for name in dir(types) if is_typeddict(getattr(types, name))],
)
def test_annotations_can_be_read_when_running(name):
    assert get_type_hints(getattr(types, name), include_extras=True)


def test_parameters_can_be_called():
    assert types.MessageParam(role="user", content="hi") == {"role": "user", "content": "hi"}
    assert beta.BetaTextBlockParam(type="text", text="hi") == {"type": "text", "text": "hi"}


def test_views_can_be_called():
    block = types.TextBlock(type="text", text="hi")
    assert isinstance(block, types.TextBlock)
    assert isinstance(block, types.ContentBlock)
    assert isinstance(block, beta.BetaTextBlock)
    assert not isinstance(types.UnknownBlock(type="x"), types.ContentBlock)


def test_pydantic_reads_parameters():
    pydantic = pytest.importorskip("pydantic")
    read = pydantic.TypeAdapter(types.ImageBlockParam).validate_python
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test"}}
    assert read(image) == image
    with pytest.raises(pydantic.ValidationError):
        read({"type": "image"})
