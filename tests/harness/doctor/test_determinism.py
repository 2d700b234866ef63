from __future__ import annotations

import pytest
import torch
from broken_engines import Drifting, Sound

from backbones.sparse.portable import PortableEngine
from harness.doctor.determinism import probe_determinism
from harness.doctor.engines import check_engine

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def portable() -> object:
    return probe_determinism(PortableEngine(), CPU)


def test_a_step_of_the_embedded_engine_is_repeatable(portable) -> None:
    assert portable.repeatable
    assert (portable.engine, portable.device) == ("portable", "cpu")


def test_the_digest_is_that_of_the_work_and_the_number_of_threads_is_put_back(portable) -> None:
    before, drawn = torch.get_num_threads(), torch.get_rng_state()
    same_work = probe_determinism(Sound(), CPU)
    assert same_work.digest == portable.digest
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), drawn)


def test_errors_too_small_for_a_self_test_are_found_when_they_change() -> None:
    assert check_engine("broken", Drifting, [CPU]).status == "passed"
    assert not probe_determinism(Drifting(), CPU).repeatable
