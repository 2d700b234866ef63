from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import pytest
import torch
from engines_here import engine_parameters, open_engine

import backbones.sparse.self_test
from backbones.sparse.engine import EngineError, engine_names, get_engine, import_library
from backbones.sparse.geometry import Geometry
from backbones.sparse.portable import PortableEngine

COMMANDS = {
    "spconv": "pip install spconv-cu118==2.3.8",
    "spconv_triton": "pip install spconv-triton==1.0.0",
    "torchsparse": "pip install --no-build-isolation git+",
    "minkowski": "MinkowskiEngine==0.5.4",
}


def test_the_names_in_their_order() -> None:
    assert engine_names()[0] == "portable"
    assert set(engine_names()) == {"portable", *COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_library_answers_to_its_name_or_says_what_to_type(name: str) -> None:
    refusal = ""
    try:
        engine = get_engine(name)
    except EngineError as error:
        refusal = str(error)
    if refusal:
        assert COMMANDS[name] in refusal
    else:
        assert engine.name == name
        assert engine is get_engine(name)
        assert engine.version


def test_auto_is_portable_where_it_is_sound() -> None:
    engine = get_engine("auto")
    assert engine.name == "portable"
    assert engine.supports(Geometry((3, 3, 3), (2, 2, 2), "window"))


def test_auto_passes_over_an_engine_that_computes_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PortableEngine.convolve

    def wrong(self: PortableEngine, *arguments: object) -> torch.Tensor:
        return 1.01 * right(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PortableEngine, "convolve", wrong)
    chosen, refusal = "", ""
    try:
        chosen = get_engine("auto").name
    except EngineError as error:
        refusal = str(error)
    assert chosen in engine_names()[1:] or "'portable' fails its self-test on" in refusal


def test_auto_takes_the_next_engine_in_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    spconv, _ = open_engine("spconv")
    sound = backbones.sparse.self_test.self_test
    monkeypatch.setattr(
        backbones.sparse.self_test,
        "self_test",
        lambda engine, device: SimpleNamespace(passed=False) if engine.name == "portable" else sound(engine, device),
    )
    assert get_engine("auto") is spconv


def test_an_unknown_engine_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match="no sparse engine 'spconw'; choose one of auto, portable, spconv"):
        get_engine("spconw")


def test_a_missing_library_is_an_error_with_its_remedy() -> None:
    with pytest.raises(EngineError, match=r"'mine' can't import no_such_library \(No module named .*\)\. Type this\."):
        import_library("mine", "no_such_library", "Type this.")


@pytest.mark.parametrize("name", engine_parameters())
def test_copies_and_pickles_are_the_same_engine(name: str) -> None:
    """A network that is copied or sent to a process takes its engine along."""
    engine, _ = open_engine(name)
    for again in (copy.deepcopy(engine), pickle.loads(pickle.dumps(engine))):
        assert again == engine if name == "portable" else again is engine
