from __future__ import annotations

import pytest

from backbones.sparse.engine import EngineError, engine_names, get_engine
from backbones.sparse.geometry import Geometry


def test_every_known_engine_answers_to_its_name() -> None:
    assert "portable" in engine_names()
    assert get_engine("portable").name == "portable"


def test_auto_is_an_engine_that_is_installed() -> None:
    engine = get_engine("auto")
    assert engine.name in engine_names()
    assert engine.supports(Geometry((3, 3, 3), (2, 2, 2), "window"))


def test_an_unknown_engine_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match="no sparse engine 'spconw'; choose one of auto, portable"):
        get_engine("spconw")
