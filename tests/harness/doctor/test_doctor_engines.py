from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from broken_engines import Crashing, NoSuchDevice, NotANumber, OnlyFloor, Sound, WrongOrder

from backbones.sparse.engine import Engine, EngineError, get_engine
from harness.doctor.engines import EngineCheck, check_engine

CPU = torch.device("cpu")


def check(load: Callable[[], Engine]) -> EngineCheck:
    return check_engine("broken", load, [CPU])


def test_the_embedded_engine_passes_with_an_error_of_single_precision_and_a_time() -> None:
    result = check_engine("portable", lambda: get_engine("portable"), [CPU])
    assert (result.status, result.installed, result.reason) == ("passed", True, None)
    [on] = result.devices
    assert (on.device, on.convolutions, on.kinds) == ("cpu", 6, 6)
    assert on.largest_error is not None
    assert 0 < on.largest_error < 1e-6
    assert on.milliseconds is not None
    assert on.milliseconds > 0


def test_weights_in_the_wrong_order_fail() -> None:
    result = check(WrongOrder)
    [on] = result.devices
    assert result.status == on.status == "failed"
    assert on.largest_error is not None
    assert on.largest_error > 0.1
    assert "The engine 'broken' fails its self-test on cpu" in str(result.reason)


def test_results_that_are_no_numbers_fail() -> None:
    result = check(NotANumber)
    [on] = result.devices
    assert (result.status, on.output_error, on.largest_error) == ("failed", None, None)


def test_a_crash_in_the_self_test_fails_and_is_told_in_one_line() -> None:
    result = check(Crashing)
    assert result.status == "failed"
    assert str(result.reason).endswith("with IndexError: out of range in a library.")


def test_what_an_engine_does_not_offer_is_no_failure() -> None:
    result = check(OnlyFloor)
    assert result.status == "passed"
    assert result.devices[0].convolutions == 4


def test_an_engine_without_its_device_is_unavailable() -> None:
    result = check(NoSuchDevice)
    assert (result.status, result.installed) == ("unavailable", True)
    assert result.reason == "The engine 'broken' computes on abacuses alone."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineError("Type: pip install broken"), "Type: pip install broken"),
        (SyntaxError("invalid"), "Loading the engine 'broken' fails with SyntaxError: invalid."),
        (RuntimeError("operator library::op does not exist"), "RuntimeError: operator library::op does not exist."),
    ],
    ids=["missing", "broken", "built for another torch"],
)
def test_a_library_that_cannot_be_loaded_is_unavailable_and_says_why(error: Exception, told: str) -> None:
    def load() -> Engine:
        raise error

    result = check(load)
    assert (result.status, result.installed, result.version, result.devices) == ("unavailable", False, None, ())
    assert told in str(result.reason)


def test_one_sound_engine_among_others_is_checked_on_every_device() -> None:
    result = check_engine("broken", Sound, [CPU, CPU])
    assert [on.status for on in result.devices] == ["passed", "passed"]
