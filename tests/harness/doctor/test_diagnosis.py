from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from broken_engines import NoSuchDevice, Sound, WrongOrder

from backbones.sparse.engine import Engine
from harness.doctor.determinism import Determinism
from harness.doctor.diagnosis import choose_auto, find_problems, usable_devices
from harness.doctor.engines import EngineCheck, check_engine

GOOD = Determinism("sound", "cpu", repeatable=True, independent_of_threads=False, digest="0")
BAD = Determinism("sound", "cpu", repeatable=False, independent_of_threads=False, digest="0")


def missing() -> Engine:
    from backbones.sparse.engine import EngineError

    raise EngineError("Type: pip install missing")


@pytest.fixture(scope="module")
def check() -> Callable[[str], EngineCheck]:
    kinds = {"sound": Sound, "wrong": WrongOrder, "elsewhere": NoSuchDevice, "missing": missing}
    done = {name: check_engine(name, load, [torch.device("cpu")]) for name, load in kinds.items()}
    return done.__getitem__


@pytest.mark.parametrize(
    ("names", "only", "auto", "problems"),
    [
        (["sound", "missing", "elsewhere"], None, "sound", []),
        (["missing", "elsewhere", "sound"], None, "sound", []),
        (["wrong", "sound"], None, "sound", ["fails its self-test"]),
        (["wrong", "missing"], None, None, ["fails its self-test", "No engine passes"]),
        (["sound"], "sound", None, []),
        (["wrong"], "wrong", None, ["fails its self-test"]),
        (["missing"], "missing", None, ["Type: pip install missing"]),
        (["elsewhere"], "elsewhere", None, ["abacuses"]),
    ],
)
def test_what_is_a_problem(
    check: Callable[[str], EngineCheck], names: list[str], only: str | None, auto: str | None, problems: list[str]
) -> None:
    engines = [check(name) for name in names]
    chosen = None if only else choose_auto(engines, "cpu")
    assert chosen == auto
    found = find_problems(engines, only, chosen, (GOOD,))
    assert len(found) == len(problems)
    assert all(expected in text for expected, text in zip(problems, found, strict=True))


def test_other_bits_in_a_repeated_step_are_a_problem(check: Callable[[str], EngineCheck]) -> None:
    [problem] = find_problems([check("sound")], None, "sound", (GOOD, BAD))
    assert problem == "A training step with 'sound' on cpu gives other bits when it is run again."


def test_auto_needs_the_device_that_runs_take(check: Callable[[str], EngineCheck]) -> None:
    assert choose_auto([check("sound")], "cuda:0") is None
    assert usable_devices()[0] == torch.device("cpu")
    assert len(usable_devices()) == 1 + torch.cuda.is_available()
