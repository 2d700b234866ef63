from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from mmap import mmap
from types import ModuleType, SimpleNamespace

import pytest
import torch
from virtual_device import CPU, take_memory

from backbones.sparse.native.kernel import load_kernel
from harness.measure.latency.tuning import kernels_made
from harness.measure.latency.warm_up import MOST_PASSES, settle
from harness.spec.latency import WarmUp

BLOCK_MIB = 30
"""More than the noise of this process."""


def taking_memory(passes: set[int]) -> Callable[[int], None]:
    """Return a pass over scans that takes a block for good in some of its rounds, counted from 1."""
    held: list[mmap] = []

    def run(number: int) -> None:
        if number + 1 in passes:
            held.append(take_memory(BLOCK_MIB))

    return run


def test_a_network_that_changes_nothing_settles_in_the_third_pass() -> None:
    [found] = settle([taking_memory({1, 2})], CPU)
    assert (found.passes, found.settled, found.tuned) == (3, True, False)
    assert abs(found.growth_mib) < 10


def test_a_third_pass_that_takes_memory_asks_for_a_fourth() -> None:
    [found] = settle([taking_memory({1, 3, 4})], CPU)
    assert (found.passes, found.settled) == (5, True)


def test_all_networks_go_on_until_a_whole_round_changed_nothing() -> None:
    rounds: list[str] = []

    def noted(name: str, run: Callable[[int], None]) -> Callable[[int], None]:
        return lambda number: (rounds.append(name), run(number))[1]

    found = settle([noted("A", taking_memory({3})), noted("B", taking_memory(set()))], CPU)
    assert [(one.passes, one.settled) for one in found] == [(4, True), (4, True)]
    assert "".join(rounds) == "ABBAABBA"


def test_one_that_never_settles_says_so() -> None:
    calls: list[int] = []

    def grow(number: int) -> None:
        calls.append(number)
        held.append(take_memory(BLOCK_MIB))

    held: list[mmap] = []
    [found] = settle([grow], CPU)
    assert calls == list(range(MOST_PASSES))
    assert (found.passes, found.settled, found.tuned) == (MOST_PASSES, False, False)
    assert found.growth_mib == pytest.approx(BLOCK_MIB, abs=10)


def test_a_kernel_loaded_in_the_third_pass_asks_for_a_fourth() -> None:
    """This project's own kernel, which the process forgets for the test."""
    load_kernel.cache_clear()
    [found] = settle([lambda number: load_kernel() if number == 2 else None], CPU)
    assert (found.passes, found.settled, found.tuned) == (4, True, False)


def test_one_that_goes_on_tuning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.measure.latency.warm_up.kernels_made", count().__next__)
    [found] = settle([taking_memory(set())], CPU)
    assert (found.passes, found.settled, found.tuned) == (MOST_PASSES, False, True)


def test_triton_kernels_and_tuners_are_counted_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton needs a GPU, so its two classes are stood in for, with the attributes that triton 3 has."""

    class JITFunction:
        def __init__(self) -> None:
            self.device_caches: dict[int, tuple[dict[str, str], str]] = {}

    class Autotuner:
        def __init__(self, fn: JITFunction) -> None:
            self.fn, self.cache = fn, dict[tuple[int, ...], str]()

    runtime = SimpleNamespace(JITFunction=JITFunction, Autotuner=Autotuner)
    engine, other = ModuleType("an_engine"), ModuleType("one_that_imports_it")
    engine.triton = other.triton = runtime
    plain, tuned = JITFunction(), Autotuner(JITFunction())
    engine.plain, engine.tuned, other.tuned, other.number = plain, tuned, tuned, 7
    monkeypatch.setitem(sys.modules, "triton.runtime", runtime)
    monkeypatch.setitem(sys.modules, "an_engine", engine)
    monkeypatch.setitem(sys.modules, "one_that_imports_it", other)
    before = kernels_made()
    plain.device_caches[0] = ({"int32": "compiled"}, "target")
    assert kernels_made() == before + 1
    tuned.fn.device_caches[0] = ({"small tiles": "compiled", "large tiles": "compiled"}, "target")
    tuned.cache[64, 32] = "large tiles"
    assert kernels_made() == before + 4, "two kernels tried and one choice, though two modules name the tuner"
    tuned.cache[128, 32] = "small tiles"
    assert kernels_made() == before + 5, "a choice among kernels that were there"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_any_growth_of_the_reserve_counts() -> None:
    device, held = torch.device("cuda"), list[torch.Tensor]()
    torch.cuda.empty_cache()

    def grow_until(last: int) -> WarmUp:
        def run(number: int) -> None:
            if number < last:
                held.append(torch.ones(8 << 20, device=device))

        return settle([run], device)[0]

    settled, never = grow_until(4), grow_until(MOST_PASSES)
    assert (settled.passes, settled.settled, settled.growth_mib) == (5, True, 0)
    assert (never.passes, never.settled) == (MOST_PASSES, False)
    assert never.growth_mib >= 32
